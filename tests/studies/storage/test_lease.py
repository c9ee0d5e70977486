"""One process runs a study, on however many machines they are."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Callable

import pytest

from studies.storage import lease as lease_module
from studies.storage.backends import open_storage
from studies.storage.lease import LEASE_KEY, Lease
from studies.storage.study_attributes import read_value, write_value
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import RecordingObserver, run_search, study
from trainers.base.errors import UserError


@pytest.fixture
def store(workspace: Workspace) -> StudyStore:
    return StudyStore.create_or_open(open_storage(workspace.optuna_url), study())[0]


class Clock:
    """Takes the place of `time` in the lease: time passes only while it sleeps."""

    def __init__(self) -> None:
        self.now, self.while_sleeping = 1000.0, list[Callable[[], None]]()

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        for action in self.while_sleeping:
            action()


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(lease_module, "time", clock)
    return clock


def hold(store: StudyStore, owner: str, until: float) -> None:
    write_value(store.optuna_study, LEASE_KEY, {"owner": owner, "until": until})


def test_a_lease_of_another_machine_has_to_expire(store: StudyStore, clock: Clock) -> None:
    hold(store, "elsewhere:7", clock.now + 30)
    expiry, said = clock.now + 30, list[str]()
    Lease(store, said.append).take()
    assert expiry <= clock.now <= expiry + 1 and "last run by elsewhere:7" in said[0]
    assert read_value(store.optuna_study, LEASE_KEY)["owner"] == f"{socket.gethostname()}:{os.getpid()}"


def test_one_that_is_renewed_is_respected(store: StudyStore, clock: Clock) -> None:
    hold(store, "elsewhere:7", clock.now + 0.3)
    clock.while_sleeping.append(lambda: hold(store, "elsewhere:7", clock.now + 60))
    with pytest.raises(UserError, match="is being run by elsewhere:7"):
        Lease(store, print).take()


@pytest.mark.parametrize("ahead", [3600.0, 365 * 86400.0])
def test_a_lease_that_another_clock_has_dated_ahead_costs_a_minute(store: StudyStore, clock: Clock, ahead: float) -> None:
    """As if that machine's clock were wrong, or the clock of this one had been set back."""
    hold(store, "elsewhere:7", clock.now + ahead)
    began, said = clock.now, list[str]()
    Lease(store, said.append).take()
    assert clock.now - began <= lease_module.LEASE_S + 2 and "waiting 60 s" in said[0]
    assert read_value(store.optuna_study, LEASE_KEY)["owner"] == f"{socket.gethostname()}:{os.getpid()}"


def test_one_that_is_renewed_is_respected_whatever_its_clock_says(store: StudyStore, clock: Clock) -> None:
    renewals = iter(range(1, 10**6))
    clock.while_sleeping.append(lambda: hold(store, "elsewhere:7", 10**9 + 15.0 * (next(renewals) // 15)))
    hold(store, "elsewhere:7", 10**9)
    with pytest.raises(UserError, match="is being run by elsewhere:7"):
        Lease(store, print).take()


@pytest.mark.parametrize(
    "damaged",
    [{"owner": "elsewhere:7"}, {"until": 1e12}, {"owner": 5, "until": 1e12}, {"owner": "x", "until": "soon"}, [1], "text", 7],
    ids=str,
)
def test_a_damaged_lease_counts_for_nothing(store: StudyStore, clock: Clock, damaged: object) -> None:
    write_value(store.optuna_study, LEASE_KEY, damaged)
    began, lease = clock.now, Lease(store, print)
    assert lease_module.runner_of(store) is None
    lease.take()
    lease.keep()
    lease.release()
    assert clock.now == began


def test_a_lease_of_this_machine_without_the_number_of_a_process_counts_for_nothing(store: StudyStore, clock: Clock) -> None:
    for process in ("", "abc", "9" * 30):
        hold(store, f"{socket.gethostname()}:{process}", clock.now + 50)
        assert lease_module.runner_of(store) is None


def test_a_killed_process_of_this_machine_holds_nothing(store: StudyStore, clock: Clock) -> None:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    hold(store, f"{socket.gethostname()}:{process.pid}", clock.now + 600)
    began = clock.now
    Lease(store, print).take()
    assert clock.now == began, "nothing to wait for"


def test_an_owner_that_did_not_renew_in_time_stops(store: StudyStore, clock: Clock) -> None:
    lease = Lease(store, print)
    lease.take()
    lease.keep()
    hold(store, "elsewhere:7", clock.now + 600)
    lease.keep()  # renewals are not due yet
    clock.now += lease_module.RENEW_INTERVAL_S
    with pytest.raises(UserError, match="taken over by elsewhere:7"):
        lease.keep()
    lease.release()
    assert read_value(store.optuna_study, LEASE_KEY)["owner"] == "elsewhere:7"


@pytest.mark.slow
def test_trials_say_whose_they_were_and_the_next_run_accounts_for_them(workspace: Workspace) -> None:
    with pytest.raises(Killed):
        run_search(study(), workspace, None, ScriptedEngine(break_after=2))
    store = StudyStore.open(open_storage(workspace.optuna_url), "s")
    left = store.open_trials()
    assert left and all(t.training is not None and t.training.owner.startswith(socket.gethostname()) for t in left)
    assert all(t.training is not None and t.digest is not None and t.digest in t.training.folder for t in left)
    assert read_value(store.optuna_study, LEASE_KEY) == {}
    watcher = RecordingObserver()
    run_search(study(), workspace, watcher, ScriptedEngine())
    for trial in left:
        assert any(number == trial.number and socket.gethostname() in reason for number, reason in watcher.losses)
