"""The web server of `paretext dashboard --mlflow`: MLflow's own server, on 127.0.0.1, as long as the command runs.

Decisions:
- It is a process group of its own, because MLflow starts workers: whatever ends the block ends all of it.
- The address of the database goes through the environment: a password in it would be seen in the list of processes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from studies.workspace.paths import Workspace
from trainers.base.errors import UserError

HOST = "127.0.0.1"
"""Only this machine can connect: MLflow's server has no password, and it can delete runs and models."""
START_S = 180.0
"""Seconds until the server must answer; on an idle machine it takes about five."""
WITHOUT_JOBS = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
"""Without the processes that run jobs, such as judging the answers of a language model. No page of a study has a job, and
MLflow 3.17 starts eight such processes, which take 1.4 GB of memory together."""
STOP_S = 10.0
"""Seconds that it has to end by itself before it is killed."""


@contextmanager
def mlflow_server(workspace: Workspace, port: int) -> Iterator[str]:
    """Serves MLflow's pages while the block runs.

    Args:
        workspace: whose database, or the database that MLFLOW_TRACKING_URI names, is shown.
        port: TCP port on 127.0.0.1; 0 is any free one.

    Yields:
        The address, once it answers.

    Raises:
        UserError: the port cannot be opened, or the server does not start.
    """
    port = _free_port(port)
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    store = {
        "MLFLOW_BACKEND_STORE_URI": workspace.mlflow_uri,
        "MLFLOW_DEFAULT_ARTIFACT_ROOT": workspace.mlflow_artifacts.as_uri(),
    }
    environment = {**os.environ, **store, **WITHOUT_JOBS, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with tempfile.TemporaryDirectory(prefix="paretext-") as folder:
        log = Path(folder) / "log"
        with log.open("w") as out:
            process = subprocess.Popen(command, stdout=out, stderr=out, env=environment, cwd=folder, start_new_session=True)
        try:
            address = f"http://{HOST}:{port}/"
            _wait_for(f"{address}health", process, log)
            yield address
        finally:
            _end(process)


def _free_port(port: int) -> int:
    """The port, or a free one for 0.

    Raises:
        UserError: it is taken.
    """
    try:
        with socket.create_server((HOST, port)) as opened:
            return int(opened.getsockname()[1])
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(f"port {port} cannot be opened ({reason}); give another with --port, 0 takes a free one") from None


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Waits until the server answers.

    Raises:
        UserError: it has ended, or does not answer.
    """
    end = time.monotonic() + START_S
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > end:
                lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines() or ["it said nothing"]
                raise UserError(f"MLflow's server does not start: {lines[-1]}") from None
            time.sleep(0.1)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the server with its workers."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
