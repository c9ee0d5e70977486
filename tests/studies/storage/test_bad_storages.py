"""Storages that cannot be used, belong to others or are damaged: one line and exit code 2, and nothing of theirs changes."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing

import optuna
import pytest

from studies.storage.backends import open_storage
from studies.storage.lease import LEASE_KEY
from studies.storage.study_attributes import write_value
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.damaged_database import execute
from testing.measured_study import measured_study
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search, study

COPIES = int(os.environ.get("PARETEXT_DAMAGED_COPIES", "16"))
"""Damaged copies of the database; more take longer."""
PAGE = 4096
READERS = (("front", "plates"), ("trials", "plates"), ("studies",))


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
        ("UPDATE trial_system_attributes SET value_json = '[]' WHERE key LIKE '%:model'", "values that cannot be read"),
        (
            "UPDATE trial_system_attributes SET value_json = '\"../../x\"' WHERE key LIKE '%:model'",
            "outside the workspace folder",
        ),
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


@pytest.mark.parametrize(
    ("key", "written"),
    [
        ("paretext:study", "[1]"),
        ("paretext:study", '{"name": "oth'),
        ("paretext:lease", '{"owner": '),
        ("paretext:study", "nonsense"),
        ("paretext:study", ""),
    ],
)
def test_a_damaged_study_hides_no_other(home: Workspace, paretext: Commands, key: str, written: str) -> None:
    for name in ("other", "third"):
        store, _ = StudyStore.create_or_open(open_storage(home.optuna_url), study(name=name))
        write_value(store.optuna_study, LEASE_KEY, {})
    execute(
        home,
        f"UPDATE study_system_attributes SET value_json = '{written}' WHERE key = '{key}' AND study_id IN "
        "(SELECT study_id FROM studies WHERE study_name = 'other')",
    )
    listed = paretext("studies")
    assert (listed.code, listed.err.count("\n")) == (2, 1) and "paretext: study 'other' has values that cannot be" in listed.err
    assert "restore it from a copy" in listed.err
    rows = {row.split()[0]: row.split()[1] for row in listed.out.splitlines()[1:]}
    assert rows.keys() == {"plates", "other", "third"} and rows["other"] == "damaged" and rows["third"] == "not"
    of_json = {row["name"]: row["fault"] for row in json.loads(paretext("studies", "--json").out)}
    assert of_json["plates"] is None and "values that cannot be read" in of_json["other"]
    assert "'other'" not in paretext.read()
    assert paretext.read("front", "plates")
    for command in (("studies", "delete", "other", "--yes"), ("studies", "rename", "other", "new"), ("front", "other")):
        assert "study 'other' has values that cannot be read" in paretext.refused(*command)
    assert "is now called 'fourth'" in paretext.read("studies", "rename", "third", "fourth")
    assert "deleted study 'fourth'" in paretext.read("studies", "delete", "fourth", "--yes")


def test_a_damaged_study_keeps_no_other_from_mlflow(home: Workspace, paretext: Commands) -> None:
    measured_study(home.folder, "zebra")
    execute(home, "UPDATE trial_system_attributes SET value_json = '{' WHERE trial_id = 1")
    assert paretext("studies").err.startswith("paretext: study 'plates' has values that cannot be read")
    answer = paretext("sync")
    assert (answer.code, answer.err.count("\n")) == (2, 1) and answer.err.startswith("paretext: study 'plates' has values")
    assert answer.out.startswith("zebra: 2 trials written in MLflow at ") and answer.out.count("\n") == 1
    assert paretext.refused("sync", "plates") == answer.err


def test_a_server_that_is_gone_is_one_line_for_all_studies(
    home: Workspace, paretext: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured_study(home.folder, "zebra")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:1")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    assert "does not answer" in paretext.refused("sync")


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
