"""Worker processes: what they have from the fork server, and what from their caller."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from trainers.base.worker_processes import HAS_FORK_SERVER, start_worker

needs_fork_server = pytest.mark.skipif(not HAS_FORK_SERVER, reason="only Linux has a fork server")


def tell(pipe: Connection) -> None:
    """Sends what a worker finds when it starts."""
    import torch

    found = {
        "parent": os.getppid(),
        "modules": set(sys.modules) & {"torch._dynamo", "trainers.training.loop", "onnx"},
        "environment": dict(os.environ),
        "folder": Path.cwd(),
        "SIGTERM": signal.getsignal(signal.SIGTERM) == signal.SIG_DFL,
        "no CUDA": torch.cuda._is_in_bad_fork(),
    }
    pipe.send(found)


def told() -> dict[str, object]:
    ours, theirs = Pipe()
    process = start_worker(tell, theirs)
    theirs.close()
    found: dict[str, object] = ours.recv()
    process.join()
    return found


def threads_of(pid: object) -> int:
    (line,) = (row for row in Path(f"/proc/{pid}/status").read_text().splitlines() if row.startswith("Threads:"))
    return int(line.split()[1])


def test_a_worker_has_the_environment_and_the_folder_of_its_caller(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Also of a later one, when the fork server has long been running."""
    here = Path(__file__).parent
    monkeypatch.setenv("PARETEXT_TOLD", "once")
    monkeypatch.chdir(here)
    first = told()
    monkeypatch.delenv("PARETEXT_TOLD")
    monkeypatch.setenv("PARETEXT_TOLD_LATER", "twice")
    monkeypatch.chdir(tmp_path)
    second = told()
    environments = [found["environment"] for found in (first, second)]
    assert [isinstance(e, dict) and (e.get("PARETEXT_TOLD"), e.get("PARETEXT_TOLD_LATER")) for e in environments] == [
        ("once", None),
        (None, "twice"),
    ]
    assert all(isinstance(e, dict) and e["OMP_NUM_THREADS"] == "1" for e in environments)
    assert (first["folder"], second["folder"]) == (here, tmp_path)


@needs_fork_server
def test_workers_share_what_the_fork_server_has_imported() -> None:
    """It has one thread: what a library's other threads hold would stay locked in the processes that are forked."""
    first, second = told(), told()
    assert first["parent"] == second["parent"] != os.getpid()
    assert first["modules"] == {"torch._dynamo", "trainers.training.loop", "onnx"}
    assert threads_of(first["parent"]) == 1 and not first["no CUDA"]


@needs_fork_server
def test_the_fork_server_leaves_sigterm_to_its_driver() -> None:
    server = told()["parent"]
    assert isinstance(server, int)
    os.kill(server, signal.SIGTERM)
    found = told()
    assert found["parent"] == server and found["SIGTERM"], "workers have the default"


@needs_fork_server
def test_without_a_fork_server_workers_are_spawned(tmp_path: Path) -> None:
    """Its socket lies in the temporary folder, and a socket's path has 107 characters at most."""
    folder = tmp_path / ("long" * 25)
    folder.mkdir()
    code = (
        "from tests.trainers.base.test_worker_processes import told\n"
        "import os\n"
        "if __name__ == '__main__':\n"
        "    assert told()['parent'] == os.getpid()\n"
    )
    env = {**os.environ, "TMPDIR": str(folder), "PYTHONPATH": "."}
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env=env, cwd=Path(__file__).parents[3])
