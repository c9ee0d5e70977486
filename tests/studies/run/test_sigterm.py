"""SIGTERM, which systemd, Kubernetes and Slurm send, ends a search as Ctrl-C does, with exit code 143."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from optuna.trial import TrialState

from dashboards.cli.command_line import main
from studies.engines.base import Event
from studies.registry.mlflow_client import open_mlflow
from studies.storage.lease import LEASE_KEY
from studies.storage.pareto_front import load_store
from studies.storage.study_attributes import read_value
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import numbers_in
from testing.striped_lines import striped_lines, write_pairs

SEARCH = ["search", "--name", "s", "--trials", "5", "--epochs", "1", "--data"]


@pytest.fixture(autouse=True)
def default_handler() -> Iterator[None]:
    """That of a new process: Ray leaves one of its own in a process in which it was started."""
    before = signal.signal(signal.SIGTERM, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGTERM, before)


class Terminated(ScriptedEngine):
    """SIGTERM comes while a training runs, as often as `times` says."""

    def __init__(self, times: int) -> None:
        super().__init__(patient=True)
        self._times = times

    def wait(self, timeout_s: float) -> list[Event]:
        if self._times:
            self._times -= 1
            os.kill(os.getpid(), signal.SIGTERM)
        return super().wait(timeout_s)


@pytest.mark.parametrize("times", [1, 2])
def test_it_ends_the_search_with_everything_closed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, times: int
) -> None:
    engine = Terminated(times)
    write_pairs(tmp_path / "lines", striped_lines(60, 0))
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    monkeypatch.setattr("studies.run.search.engines", {"local": lambda _: engine})
    monkeypatch.setattr("studies.run.search.INTERRUPTED_WAIT_S", 60.0)  # a busy machine may take long to write to MLflow
    open_mlflow(workspace)
    assert main([*SEARCH, str(tmp_path / "lines")]) == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL and engine.closed
    said = capsys.readouterr().err
    assert ("same command" in said) and "Traceback" not in said
    assert read_value(load_store(workspace, "s").optuna_study, LEASE_KEY) == {}, "the lease is given back"
    assert numbers_in(workspace, TrialState.FAIL) == []
    assert bool(numbers_in(workspace, TrialState.RUNNING)) == (times == 2), "a second one ends it before trials are suspended"
    with closing(sqlite3.connect(workspace.mlflow_file)) as connection:
        assert connection.execute("SELECT name, status FROM runs WHERE name = 's'").fetchall() == [("s", "KILLED")]


def test_a_command_that_does_nothing_about_it_ends_with_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("studies.storage.pareto_front.load_store", lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    assert main(["report", "s"]) == 143
    assert capsys.readouterr().err == "\nparetext: the report is no longer kept up to date\n"


OWN_HANDLER = """
import signal, sys
from dashboards.cli.command_line import main
signal.signal(signal.SIGTERM, signal.SIG_IGN)
main(["studies"])
sys.exit(signal.getsignal(signal.SIGTERM) != signal.SIG_IGN)
"""


def test_the_handler_of_a_program_that_calls_paretext_is_kept(tmp_path: Path) -> None:
    environment = {**os.environ, "PARETEXT_HOME": str(tmp_path)}
    assert subprocess.run([sys.executable, "-c", OWN_HANDLER], env=environment, capture_output=True).returncode == 0
