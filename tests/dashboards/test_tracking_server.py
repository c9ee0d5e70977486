"""MLFLOW_TRACKING_URI names a server: what is recorded, promoted and read is there, and the workspace has no database."""

from __future__ import annotations

import base64
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_tracker import RunTracker
from studies.workspace.paths import Workspace
from tests.dashboards.conftest import Paretext


@pytest.fixture
def copy(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """The studies and models of the workspace in another folder, without MLflow's database."""
    shutil.copytree(workspace.folder, tmp_path / "runs", ignore=shutil.ignore_patterns("mlflow*"))
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    return Workspace(tmp_path / "runs")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """The address of a tracking server that serves artifacts."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    folder = tmp_path / "server"
    folder.mkdir()
    words = ["--backend-store-uri", f"sqlite:///{folder / 'm.db'}", "--artifacts-destination", str(folder / "artifacts")]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1", *words]
    environment = {**os.environ, "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=folder, start_new_session=True)
    address, end = f"http://127.0.0.1:{port}", time.monotonic() + 200
    try:
        while True:
            try:
                urllib.request.urlopen(f"{address}/health", timeout=5).close()
                break
            except OSError:
                assert process.poll() is None and time.monotonic() < end, (folder / "log").read_text()
                time.sleep(0.5)
        yield address
    finally:
        os.killpg(process.pid, 15)
        process.wait(30)


@pytest.mark.slow
def test_runs_and_models_are_on_the_server_alone(
    paretext: Paretext, copy: Workspace, server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    workspace = Workspace.of_environment()
    tracker = RunTracker(workspace, "plates")
    tracker.start({"name": "plates"})
    tracker.log_trial(3, {"width_percent": 100}, {"accuracy": 0.9}, "measured", copy.models / "plates" / "3.onnx")
    tracker.finish()
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext")
    assert len(client.search_runs([experiment.experiment_id])) == 2

    answer = paretext("promote", "plates", "--as", "reader")
    assert answer.code == 0, answer.err
    image = copy.folder / "line.png"
    image.write_bytes(base64.b64decode(example_png_base64("12")))
    expected = paretext("predict", image, "--model", copy.models / "plates" / "3.onnx").out
    for words in ((), ("--model", "reader"), ("--model", "models:/reader/1")):
        answer = paretext("predict", image, *words)
        assert (answer.code, answer.out) == (0, expected), answer.err
    assert not copy.mlflow_file.exists() and not copy.mlflow_artifacts.exists()


def test_a_server_that_does_not_answer_is_one_line(
    paretext: Paretext, copy: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{port}")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    image = copy.folder / "line.png"
    image.write_bytes(base64.b64decode(example_png_base64("12")))
    for words in (("promote", "plates", "--as", "x"), ("predict", image)):
        answer = paretext(*words)
        assert answer.code == 2 and len(answer.err.splitlines()) == 1, answer.err
        assert "does not answer" in answer.err and "unset MLFLOW_TRACKING_URI" in answer.err and "secret" not in answer.err


def test_a_uri_of_the_database_in_the_workspace_is_the_workspace(copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{copy.mlflow_file}")
    assert Workspace.of_environment() == copy
    monkeypatch.chdir(copy.folder.parent)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///runs/mlflow.db")
    assert Workspace.of_environment() == copy


def test_another_database_holds_the_runs_and_models(
    paretext: Paretext, copy: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'team.db'}")
    assert paretext("promote", "plates", "--as", "reader").code == 0
    assert open_mlflow(Workspace.of_environment()).get_model_version_by_alias("reader", "champion").version == 1
    assert (tmp_path / "team.db").exists() and not copy.mlflow_file.exists()
