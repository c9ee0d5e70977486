"""MLFLOW_TRACKING_URI names a server: what is recorded, promoted and read is there, and the workspace has no database."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from dashboards.views.mlflow_pages import WITHOUT_JOBS
from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_tracker import RunTracker
from studies.workspace.paths import Workspace
from testing.command_runs import Commands


@pytest.fixture
def copy(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The studies and models of the workspace in another folder, without MLflow's database."""
    shutil.copytree(workspace.folder, tmp_path / "runs", ignore=shutil.ignore_patterns("mlflow*"))
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    return Workspace(tmp_path / "runs")


class Server:
    """A tracking server that serves artifacts; it keeps its port and its files when it is started again."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = free.getsockname()[1]
        self.address, self._folder = f"http://127.0.0.1:{self._port}", folder
        folder.mkdir()

    def start(self) -> None:
        folder = self._folder
        words = ["--backend-store-uri", f"sqlite:///{folder / 'm.db'}", "--artifacts-destination", str(folder / "artifacts")]
        at = ["--host", "127.0.0.1", "--port", str(self._port), "--workers", "1"]
        command = [sys.executable, "-m", "mlflow", "server", *at, *words]
        environment = {**os.environ, **WITHOUT_JOBS, "MLFLOW_DISABLE_TELEMETRY": "true"}
        with (folder / "log").open("w") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True
            )
        end = time.monotonic() + 200
        while True:
            try:
                urllib.request.urlopen(f"{self.address}/health", timeout=5).close()
                return
            except OSError:
                assert self._process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.5)

    def kill(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(30)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "server")
    try:
        started.start()
        yield started
    finally:
        started.kill()


# long: one story, because the server takes many seconds to start
@pytest.mark.slow
def test_runs_and_models_are_on_the_server_alone(
    paretext: Commands, copy: Workspace, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is killed in the middle of a study: nothing stops, and `paretext sync` writes what is missing, once."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server.address)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
    workspace, said = Workspace.of_environment(), list[str]()
    tracker = RunTracker(workspace, "plates", said.append)
    tracker.start({"name": "plates"})
    tracker.log_trial(3, {"width_percent": 100}, {"accuracy": 0.9}, "measured", copy.models / "plates" / "3.onnx")
    end = time.monotonic() + 100
    while not tracker.written:
        assert time.monotonic() < end and not said, said
        time.sleep(0.1)
    server.kill()
    for number in (0, 1):
        tracker.log_trial(number, {"width_percent": 25}, {"accuracy": 0.5}, "measured")
    tracker.finish()
    assert "the search continues" in said[0] and "2 trials are not in MLflow yet; 'paretext sync plates'" in said[1]

    server.start()
    for expected in ("3 trials written", "nothing was missing"):
        answer = paretext("sync", "plates")
        assert answer.code == 0 and expected in answer.out, answer
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext")
    runs = client.search_runs([experiment.experiment_id])
    (parent,) = [run for run in runs if run.data.tags["paretext.kind"] == "study"]
    assert sorted(int(run.data.tags["paretext.trial"]) for run in runs if run is not parent) == [0, 1, 2, 3]
    assert {run.info.status for run in runs} == {"FINISHED"} and parent.data.metrics["best_accuracy"] == 0.9
    assert {file.path for file in client.list_artifacts(parent.info.run_id)} == {"front.csv", "front.png"}

    answer = paretext("promote", "plates", "--as", "reader")
    assert answer.code == 0, answer.err
    image = copy.folder / "line.png"
    image.write_bytes(base64.b64decode(example_png_base64("12")))
    expected = paretext("predict", image, "--model", copy.models / "plates" / "3.onnx").out
    for words in ((), ("--model", "reader"), ("--model", "models:/reader/1")):
        answer = paretext("predict", image, *words)
        assert (answer.code, answer.out) == (0, expected), answer.err
    shows_the_champion(paretext)
    assert not copy.mlflow_file.exists() and not copy.mlflow_artifacts.exists()


def test_a_server_that_does_not_answer_is_one_line(
    paretext: Commands, copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    image = copy.folder / "line.png"
    image.write_bytes(base64.b64decode(example_png_base64("12")))
    for words in (("promote", "plates", "--as", "x"), ("predict", image), ("models",)):
        answer = paretext(*words)
        assert answer.code == 2 and len(answer.err.splitlines()) == 1, answer.err
        assert "does not answer" in answer.err and "unset MLFLOW_TRACKING_URI" in answer.err and "secret" not in answer.err
    answer = paretext()
    assert (answer.code, answer.err) == (0, "") and "paretext front plates" in answer.out and "Model" not in answer.out


def test_a_uri_of_the_database_in_the_workspace_is_the_workspace(copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{copy.mlflow_file}")
    assert Workspace.of_environment() == copy
    monkeypatch.chdir(copy.folder.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mlflow.db")
    assert Workspace.of_environment() == copy


def test_another_database_holds_the_runs_and_models(
    paretext: Commands, copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'team.db'}")
    assert paretext("promote", "plates", "--as", "reader").code == 0
    assert open_mlflow(Workspace.of_environment()).get_model_version_by_alias("reader", "champion").version == 1
    assert (tmp_path / "team.db").exists() and not copy.mlflow_file.exists()
    shows_the_champion(paretext)


def shows_the_champion(paretext: Commands) -> None:
    """Of the model `reader`, with and without a command."""
    assert "  reader: champion is version 1\n" in paretext.read("models")
    assert "Model models:/reader@champion, version 1\n" in paretext.read()


def test_without_runs_the_pages_of_mlflow_are_not_opened(paretext: Commands, copy: Workspace) -> None:
    answer = paretext("dashboard", "--mlflow")
    assert (answer.code, answer.out) == (2, "") and "'paretext sync'" in answer.err
    assert paretext("dashboard", "plate", "--mlflow").err.count("did you mean 'plates'") == 1
