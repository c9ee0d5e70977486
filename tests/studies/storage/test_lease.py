"""One process runs a study, on however many machines they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import pytest

from studies.run.search import search
from studies.storage.backends import open_storage
from studies.storage.lease import LEASE_KEY, Lease
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import Watcher, study, told
from trainers.base.errors import UserError

__all__ = ["told"]


@pytest.fixture
def store(workspace: Workspace) -> StudyStore:
    return StudyStore.create_or_open(open_storage(workspace.optuna_url), study())[0]


def held(store: StudyStore, owner: str, seconds: float) -> None:
    store.optuna_study.set_user_attr(LEASE_KEY, {"owner": owner, "until": time.time() + seconds})


def test_a_lease_of_another_machine_is_waited_out(store: StudyStore) -> None:
    held(store, "elsewhere:7", 0.5)
    said: list[str] = []
    started = time.monotonic()
    Lease(store, said.append).take()
    assert time.monotonic() - started >= 0.4 and "last run by elsewhere:7" in said[0]
    assert store.optuna_study.user_attrs[LEASE_KEY]["owner"] == f"{socket.gethostname()}:{os.getpid()}"


def test_one_that_is_renewed_is_respected(store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    held(store, "elsewhere:7", 0.3)
    monkeypatch.setattr("time.sleep", lambda _: held(store, "elsewhere:7", 60))
    with pytest.raises(UserError, match="is being run by elsewhere:7"):
        Lease(store, print).take()


def test_a_killed_process_of_this_machine_holds_nothing(store: StudyStore) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    held(store, f"{socket.gethostname()}:{process.pid}", 600)
    started = time.monotonic()
    Lease(store, print).take()
    assert time.monotonic() - started < 1


def test_whoever_was_away_too_long_stops(store: StudyStore, monkeypatch: pytest.MonkeyPatch) -> None:
    lease = Lease(store, print)
    lease.take()
    lease.keep()
    held(store, "elsewhere:7", 60)
    monkeypatch.setattr("studies.storage.lease.RENEWED_EVERY_S", 0.0)
    with pytest.raises(UserError, match="taken over by elsewhere:7"):
        lease.keep()
    lease.release()
    assert store.optuna_study.user_attrs[LEASE_KEY]["owner"] == "elsewhere:7"


def test_trials_say_whose_they_were_and_the_next_run_accounts_for_them(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt):
        search(study(), workspace, None, ScriptedEngine(break_after=2))
    store = StudyStore.open(open_storage(workspace.optuna_url), "s")
    left = [t for t in store.trials() if not t.state.is_finished()]
    assert left and all(t.user_attrs["training"]["owner"].startswith(socket.gethostname()) for t in left)
    assert all(t.user_attrs["digest"] in t.user_attrs["training"]["folder"] for t in left)
    assert store.optuna_study.user_attrs[LEASE_KEY] == {}
    watcher = Watcher()
    search(study(), workspace, watcher, ScriptedEngine())
    for trial in left:
        assert any(number == trial.number and socket.gethostname() in reason for number, reason in watcher.losses)
