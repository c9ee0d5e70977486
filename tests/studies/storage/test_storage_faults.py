"""Damaged journals and leases, and studies that are deleted or renamed while a search runs them."""

from __future__ import annotations

import socket
import sqlite3
import time
from typing import Any

import pytest
import sqlalchemy

from studies.storage.backends import RetryingStorage, _connection_lost, open_storage
from studies.storage.lease import LEASE_KEY, Lease
from studies.storage.study_attributes import write_value
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.damaged_database import execute
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search, study
from trainers.base.errors import UserError

JOURNAL_LINES = {
    "zeros": b"\0" * 30,
    "no JSON": b'{"op_code": 4, "worker',
    "not UTF-8": b'{"op_code": 0, "worker_id": "\xff"}',
    "a list": b"[1, 2]",
    "a number": b"7",
    "no operation": b'{"worker_id": "a"}',
    "unknown operation": b'{"op_code": 99, "worker_id": "a"}',
    "operation in words": b'{"op_code": "create", "worker_id": "a"}',
    "an unknown study": b'{"op_code": 2, "worker_id": "a", "study_id": 77, "user_attr": {"a": 1}}',
    "an unknown trial": b'{"op_code": 8, "worker_id": "a", "trial_id": 77, "user_attr": {"a": 1}}',
    "values missing": b'{"op_code": 4, "worker_id": "a"}',
    "deep": b'{"op_code": 2, "a": ' + b"[" * 20_000 + b"]" * 20_000 + b"}",
}


@pytest.mark.parametrize("damage", JOURNAL_LINES)
def test_a_damaged_line_of_a_journal_is_one_line(
    home: Workspace, paretext: Commands, monkeypatch: pytest.MonkeyPatch, damage: str
) -> None:
    file = home.folder / "studies.journal"
    StudyStore.create_or_open(open_storage(f"journal:{file}", print), study(name="plates"))
    lines = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(damaged := b"".join([*lines[:-1], JOURNAL_LINES[damage] + b"\n", lines[-1]]))
    monkeypatch.setenv("PARETEXT_STORAGE", f"journal:{file}")
    for command in (("front", "plates"), ("studies", "delete", "plates", "--yes")):
        run = paretext(*command)
        assert run.code in (0, 2) and "Traceback" not in run.err, run
        assert run.code == 0 or run.err.count("\n") == 1
    assert file.read_bytes().startswith(damaged), "a journal is only appended to"


@pytest.mark.parametrize(
    "lease",
    [
        3,
        "x",
        [1],
        True,
        {"owner": 3, "until": 9e12},
        {"owner": "far:1"},
        {"until": 9e12},
        {"owner": "far:1", "until": "x"},
        {"owner": "far:1", "until": None},
        {"owner": "far:1", "until": float("nan")},
        {"owner": "far:1", "until": float("inf")},
        {"owner": f"{socket.gethostname()}:abc", "until": 9e12},
        {"owner": f"{socket.gethostname()}:-1", "until": 9e12},
        {"owner": f"{socket.gethostname()}:{10**30}", "until": 9e12},
        {"owner": "far:1", "until": 9e12},
    ],
    ids=str,
)
def test_a_damaged_lease_counts_for_nothing(home: Workspace, paretext: Commands, lease: Any) -> None:
    store = StudyStore.open(open_storage(home.optuna_url), "plates")
    write_value(store.optuna_study, LEASE_KEY, lease)
    assert "plates" in paretext.read("studies") and "running" not in paretext.read("studies")
    assert paretext.read("front", "plates")


def test_a_lease_is_waited_for_by_ones_own_clock(home: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock of the machine that wrote it may be wrong by years."""
    monkeypatch.setattr("studies.storage.lease.LEASE_S", 0.3)
    store = StudyStore.open(open_storage(home.optuna_url), "plates")
    write_value(store.optuna_study, LEASE_KEY, {"owner": "far:1", "until": time.time() + 3e7})
    said: list[str] = []
    began = time.monotonic()
    Lease(store, said.append).take()
    assert time.monotonic() - began < 10 and "waiting 0 s" in said[0]


@pytest.mark.parametrize(
    ("error", "lost"),
    [
        ("server closed the connection unexpectedly", True),
        ("database is locked", True),
        ("database or disk is full", True),
        ("Could not decode to UTF-8 column 'a'", False),
        ("database disk image is malformed", False),
        ("file is not a database", False),
        ("no such table: studies", False),
    ],
)
def test_what_waiting_does_not_mend_is_not_taken_for_an_absent_server(error: str, lost: bool) -> None:
    fault = sqlalchemy.exc.OperationalError("SELECT 1", {}, sqlite3.OperationalError(error))
    assert _connection_lost(fault) == lost


def test_a_study_that_is_deleted_while_it_runs_ends_the_search_with_one_line(home: Workspace) -> None:
    engine = ScriptedEngine()
    wait, waits = engine.wait, iter(range(100))

    def deleting(timeout_s: float) -> list[object]:
        if next(waits) == 2:
            storage = open_storage(home.optuna_url)
            storage.delete_study(storage.get_study_id_from_name("s"))
        return list(wait(timeout_s))

    engine.wait = deleting  # type: ignore[method-assign,assignment]
    with pytest.raises(UserError, match="it was deleted while this process used it") as caught:
        run_search(study(), home, None, engine)
    assert "\n" not in str(caught.value)


def test_a_study_that_another_program_renames_while_it_runs_goes_on(home: Workspace) -> None:
    engine = ScriptedEngine()
    wait, waits = engine.wait, iter(range(100))

    def renaming(timeout_s: float) -> list[object]:
        if next(waits) == 2:
            execute(home, "UPDATE studies SET study_name = 'other' WHERE study_name = 's'")
        return list(wait(timeout_s))

    engine.wait = renaming  # type: ignore[method-assign,assignment]
    run_search(study(), home, None, engine)
    assert StudyStore.open(open_storage(home.optuna_url), "other").candidates()


def test_only_the_search_for_a_name_may_find_nothing(home: Workspace) -> None:
    storage = open_storage(home.optuna_url, print)
    assert isinstance(storage, RetryingStorage)
    with pytest.raises(KeyError):
        storage.get_study_id_from_name("nothing")
    with pytest.raises(UserError, match="deleted"):
        storage.get_trial(12345)
