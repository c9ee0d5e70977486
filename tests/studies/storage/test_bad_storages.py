"""Storages that cannot be used, belong to others or are damaged: one line and exit code 2, and nothing of theirs changes."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy

from studies.storage.backends import RetryingStorage, _connection_lost, open_storage
from studies.storage.lease import LEASE_KEY, Lease
from studies.storage.study_attributes import write_value
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.measured_study import measured_study
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search, study
from trainers.base.errors import UserError

COPIES = int(os.environ.get("PARETEXT_DAMAGED_COPIES", "16"))
"""Damaged copies of the database; more take longer."""
PAGE = 4096
READERS = (("front", "plates"), ("trials", "plates"), ("studies",))
FORMS = "write sqlite:///FILE, journal:FILE or postgresql+psycopg://USER@HOST/NAME"

URLS = {
    "mysql://me:secret@host/x": FORMS,
    "mysql+pymysql://me:secret@host/x": FORMS,
    "oracle://me:secret@host/x": FORMS,
    "mssql://me:secret@host/x": FORMS,
    "http://me:secret@host/x": FORMS,
    "redis://me:secret@host:6379/0": FORMS,
    "postgresql+psycopg//me:secret@host/x": FORMS,
    "postgresql:me:secret@host": FORMS,
    "postgres://me:secret@host/x": FORMS,
    "postgresql": FORMS,
    "file:///x": FORMS,
    "SQLITE:///x.db": FORMS,
    "sqlite+pysqlite:///x.db": FORMS,
    "sqlite://": FORMS,
    "sqlite:": FORMS,
    "nonsense": FORMS,
    "optuna.db": FORMS,
    "/x/optuna.db": FORMS,
    " ": FORMS,
    "sqlite:///": "names no file",
    "journal:": "names no file",
    "sqlite:///:memory:": "in memory is gone",
    "sqlite:///x.db?mode=ro": "has '?' in it",
    "sqlite:///a%20b/x.db": "has '%20' in it",
    "sqlite:///a{b}/x.db": "has '{' in it",
    "sqlite:////": "cannot be opened",
    "journal:.": "cannot be opened",
    "journal:~no-such-user/x": "home folder of a user who is not known",
    "postgresql+psycopg://me:secret@127.0.0.1:port/x": "its port is not a number",
    "postgresql+psycopg://me:secret@127.0.0.1:99999/x": "cannot be opened",
    "postgresql+psycopg://me:secret@127.0.0.1:1/x": "cannot be opened",
    "postgresql://me:secret@127.0.0.1:1/x": "cannot be opened",
    "postgresql+psycopg://127.0.0.1:1/x?password=secret": "cannot be opened",
    "postgresql+asyncpg://me:secret@host/x": "needs a driver that is not installed",
    "postgresql+pg8000://me:secret@host/x": "needs a driver that is not installed",
}
"""URL to what is said of it."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace with the study `plates`, whose database is one file with everything in it."""
    workspace = measured_study(tmp_path_factory.mktemp("sound"))
    whole = workspace.folder / "whole.db"
    with closing(sqlite3.connect(workspace.optuna_file)) as source, closing(sqlite3.connect(whole)) as target:
        source.backup(target)
    return workspace


@pytest.fixture
def home(sound: Workspace, tmp_path: Path, session_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of it, with the cache of decoded digits that all tests share."""
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    copy = Workspace(tmp_path / "home").prepare()
    (session_folder / "cache").mkdir(exist_ok=True)
    copy.cache.symlink_to(session_folder / "cache")
    shutil.copyfile(sound.folder / "whole.db", copy.optuna_file)
    shutil.copytree(sound.models, copy.models)
    return copy


@pytest.fixture
def paretext(home: Workspace, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)


def execute(home: Workspace, statement: str) -> None:
    with closing(sqlite3.connect(home.optuna_file)) as connection:
        assert connection.execute(statement).rowcount != 0, "the statement must change something"
        connection.commit()


@pytest.mark.parametrize(("url", "words"), URLS.items())
def test_a_url_that_names_no_storage_is_one_line(
    home: Workspace, paretext: Commands, monkeypatch: pytest.MonkeyPatch, url: str, words: str
) -> None:
    monkeypatch.setenv("PARETEXT_STORAGE", url)
    before = sorted(home.folder.parent.rglob("*"))
    line = paretext.refused("front", "plates")
    assert words in line and "secret" not in line
    with pytest.raises(UserError) as caught:
        open_storage(url, print)
    assert words in str(caught.value) and "secret" not in str(caught.value)
    assert sorted(home.folder.parent.rglob("*")) == before, "nothing may be made for it"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"hello\nworld\n", "file is not a database"),
        (bytes(range(256)) * 40, "file is not a database"),
        (b"SQLite format 3\0" + bytes(500), "cannot be opened"),
        ("CREATE TABLE notes (a)", "is a database of another program (it has tables such as 'notes')"),
        ("CREATE TABLE alembic_version (version_num)", "is a database of another program"),
        ("CREATE TABLE experiments (a); CREATE TABLE runs (a)", "is a database of another program"),
    ],
)
def test_a_file_of_another_program_is_refused_and_stays_as_it_is(
    home: Workspace, paretext: Commands, content: bytes | str, words: str
) -> None:
    if isinstance(content, bytes):
        home.optuna_file.write_bytes(content)
    else:
        home.optuna_file.unlink()
        with closing(sqlite3.connect(home.optuna_file)) as connection:
            connection.executescript(content)
    before = home.optuna_file.read_bytes()
    for command in (("front", "plates"), ("studies", "delete", "plates", "--yes")):
        assert words in paretext.refused(*command)
    assert home.optuna_file.read_bytes() == before and len(list(home.models.rglob("*.onnx"))) == 2


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE alembic_version SET version_num = 'v9.9.9'", "another version of Optuna"),
        ("UPDATE alembic_version SET version_num = 'v2.6.0.a'", "optuna storage upgrade"),
        ("ALTER TABLE trials RENAME COLUMN state TO status", "no such column"),
        ("UPDATE trial_user_attributes SET value_json = CAST(x'22ff22' AS TEXT)", "Could not decode to UTF-8"),
        ("UPDATE studies SET study_name = CAST(x'70ff' AS TEXT)", "Could not decode to UTF-8"),
        ("UPDATE study_system_attributes SET value_json = CAST(x'7bff7d' AS TEXT)", "Could not decode to UTF-8"),
        ("UPDATE study_system_attributes SET value_json = '[1]' WHERE key = 'paretext:study'", "values that cannot be read"),
        ("UPDATE study_system_attributes SET value_json = '{\"n' WHERE key = 'paretext:study'", "values that cannot be read"),
        ("UPDATE study_system_attributes SET value_json = '{\"name\": 3}' WHERE key = 'paretext:study'", "name must be a text"),
        ("UPDATE study_directions SET direction = 'UP'", "values that cannot be read"),
        ("UPDATE trials SET state = 'HALF'", "values that cannot be read"),
        ("UPDATE trials SET datetime_start = 'yesterday'", "values that cannot be read"),
        ("UPDATE trial_params SET distribution_json = '{}'", "values that cannot be read"),
        ("UPDATE trial_values SET value = 'abc'", "values that cannot be read"),
        ("UPDATE trial_user_attributes SET value_json = '\"x\"' WHERE key = 'accuracy'", "values that cannot be read"),
        ("UPDATE trial_user_attributes SET value_json = 'null' WHERE key = 'size_bytes'", "values that cannot be read"),
        ("UPDATE trial_user_attributes SET value_json = '[]' WHERE key = 'model'", "values that cannot be read"),
        ("UPDATE trial_user_attributes SET value_json = '\"../../x\"' WHERE key = 'model'", "outside the workspace folder"),
        ("DELETE FROM trial_user_attributes WHERE key = 'cer'", "values that cannot be read"),
        ("UPDATE trial_system_attributes SET value_json = '{\"backbone\": 3}'", "values that cannot be read"),
        ("UPDATE trial_system_attributes SET value_json = '[]'", "values that cannot be read"),
        (f"UPDATE trial_user_attributes SET value_json = '{'[' * 20_000}'", "values that cannot be read"),
    ],
)
def test_a_damaged_value_is_one_line(home: Workspace, paretext: Commands, statement: str, words: str) -> None:
    execute(home, statement)
    command = READERS[len(statement) % len(READERS)]
    assert words in paretext.refused(*command)


def test_a_damaged_byte_is_one_line_or_changes_nothing_that_is_read(home: Workspace, paretext: Commands) -> None:
    """A byte in each of many copies; SQLite has no checksums, so that a figure may differ, but nothing else."""
    whole = bytearray(home.optuna_file.read_bytes())
    used = [at for at in range(0, len(whole), 20) if any(whole[at : at + 20])]
    codes = set()
    for turn, at in enumerate(used[:: max(1, len(used) // COPIES)]):
        damaged = whole.copy()
        if turn % 2:
            damaged[at] ^= 0xFF
        else:
            damaged[at : at + 100] = bytes(len(damaged[at : at + 100]))
        for beside in home.folder.glob("optuna.db*"):
            beside.unlink()
        home.optuna_file.write_bytes(damaged)
        run = paretext(*READERS[turn % len(READERS)])
        assert run.code in (0, 2) and (run.code == 0 or run.err.count("\n") == 1), (at, run)
        codes.add(run.code)
    assert codes == {0, 2}


def test_a_database_that_ends_too_early_is_one_line(home: Workspace, paretext: Commands) -> None:
    whole = home.optuna_file.read_bytes()
    for size in (1, 100, PAGE - 1, 3 * PAGE):
        home.optuna_file.write_bytes(whole[:size])
        paretext.refused("front", "plates")


def test_an_empty_database_is_a_new_one(home: Workspace, paretext: Commands) -> None:
    """It is what a search leaves that is killed as soon as it has begun."""
    home.optuna_file.write_bytes(b"")
    assert "no study is called 'plates' (there is none yet" in paretext.refused("front", "plates")
    run_search(study(), home, None, ScriptedEngine())
    assert paretext.read("studies").splitlines()


def test_studies_of_another_program_are_left_alone(home: Workspace, paretext: Commands) -> None:
    storage = optuna.storages.RDBStorage(home.optuna_url)
    foreign = optuna.create_study(storage=storage, study_name="theirs", directions=["maximize", "minimize"])
    foreign.optimize(lambda trial: (trial.suggest_float("x", 0, 1), 1), n_trials=2)
    optuna.create_study(storage=storage, study_name="my study")
    for command in (
        ("front", "theirs"),
        ("trials", "theirs"),
        ("report", "theirs"),
        ("promote", "theirs"),
        ("sync", "theirs"),
        ("front", "my study"),
        ("studies", "delete", "theirs", "--yes"),
        ("studies", "rename", "theirs", "ours"),
        ("search", "--name", "theirs"),
        ("search", "--name", "theirs", "--data", "digits"),
        ("export", "theirs", "x.onnx", "--trial", 0),
    ):
        line = paretext.refused(*command)
        assert "was not made by Paretext" in line or "another program has a study called 'theirs'" in line
    rows = paretext.read("studies").splitlines()
    assert any(row.startswith("plates  stopped") for row in rows)
    assert not any("theirs" in row and "files only" not in row for row in rows), "a log of the refused search may be left"
    assert optuna.get_all_study_names(storage) == ["plates", "theirs", "my study"]
    assert not storage.get_study_system_attrs(foreign._study_id) and not foreign.user_attrs and len(foreign.trials) == 2


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
