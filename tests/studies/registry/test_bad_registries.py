"""Registries that are damaged, of another version or of another program: one line and exit code 2; names of models."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studies.registry.mlflow_client import open_mlflow
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.measured_study import measured_study


@pytest.fixture(scope="module")
def promoted(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose study `plates` has a champion."""
    workspace = measured_study(tmp_path_factory.mktemp("runs") / "home")
    from studies.run.promotion_candidate import find_candidate, promote_candidate

    promote_candidate(find_candidate("plates", workspace, None, 0, None), None, workspace)
    return workspace


@pytest.fixture
def home(promoted: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of it."""
    shutil.copytree(promoted.folder, tmp_path / "home")
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return Workspace(tmp_path / "home")


@pytest.fixture
def paretext(home: Workspace, capsys: pytest.CaptureFixture[str]) -> Commands:
    return Commands(capsys)


def execute(home: Workspace, *statements: str) -> None:
    with closing(sqlite3.connect(home.mlflow_file)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    "content",
    [b"hello\nworld\n", bytes(range(256)) * 40, b"SQLite format 3\0" + bytes(500), "cut", "zeroed"],
    ids=["text", "bytes", "header alone", "cut", "zeroed"],
)
def test_a_damaged_database_is_one_line(home: Workspace, paretext: Commands, content: bytes | str) -> None:
    whole = home.mlflow_file.read_bytes()
    damaged = {"cut": whole[: len(whole) // 3], "zeroed": whole[:4096] + bytes(200_000) + whole[204_096:]}
    home.mlflow_file.write_bytes(before := content if isinstance(content, bytes) else damaged[content])
    for command in (("export", "plates", "x.onnx"), ("promote", "plates", "--trial", 1, "--force")):
        line = paretext.refused(*command)
        assert "mlflow.db" in line or "cannot be opened" in line
    assert home.mlflow_file.read_bytes() == before


@pytest.mark.parametrize(
    ("statements", "words"),
    [
        (("UPDATE alembic_version SET version_num = 'ffffffffffff'",), "another version"),
        (("UPDATE alembic_version SET version_num = '451aebb31d03'",), "upgrade"),
        (("DROP TABLE registered_models",), ""),
        (("ALTER TABLE experiments RENAME TO other",), "is a database of another program"),
    ],
)
def test_a_database_of_another_version_is_one_line(
    home: Workspace, paretext: Commands, statements: tuple[str, ...], words: str
) -> None:
    execute(home, *statements)
    assert words in paretext.refused("promote", "plates", "--trial", 1, "--force")


@pytest.mark.parametrize("name", ["", " ", "a/b", "..", ".a", "a b", "grün", "a'b", "a:b", "a@b", "x" * 81, "a\n", "\x1b[31m"])
def test_a_model_with_a_wrong_name_is_refused(home: Workspace, paretext: Commands, name: str) -> None:
    before = home.mlflow_file.read_bytes()
    assert "is not a valid model name" in paretext.refused("promote", "plates", "--trial", 1, "--as", name)
    assert home.mlflow_file.read_bytes() == before


@pytest.mark.parametrize("name", ["a.b", "v1.0-rc_2", "x" * 80, "7"])
def test_a_model_may_have_dots_in_its_name(home: Workspace, paretext: Commands, name: str) -> None:
    assert f"models:/{name}@champion is now version 1" in paretext.read("promote", "plates", "--trial", 1, "--as", name)


def test_champions_of_other_programs_are_not_read(home: Workspace, paretext: Commands) -> None:
    client = open_mlflow(home)
    client.create_registered_model("theirs")
    client.create_model_version("theirs", str(home.folder))
    client.set_registered_model_alias("theirs", "champion", "1")
    paretext("data", "digits", "lines", "--count", 1)
    run = paretext("predict", "lines/000.png")
    assert run.code == 0 and "models:/plates@champion" in run.err
    assert "was not registered by 'paretext promote'" in paretext.refused("predict", "--model", "theirs", "lines/000.png")
    client.delete_registered_model_alias("plates", "champion")
    assert "no model has been promoted yet" in paretext.refused("predict", "lines/000.png")


def test_a_registry_whose_database_is_gone_is_a_new_one(home: Workspace, paretext: Commands) -> None:
    home.mlflow_file.unlink()
    assert "no model is registered yet" in paretext.refused("export", "plates", "x.onnx")
    assert "is now version 1" in paretext.read("promote", "plates", "--trial", 1)


@pytest.mark.slow
def test_a_database_that_another_program_has_locked_is_one_line(home: Workspace, paretext: Commands) -> None:
    with closing(sqlite3.connect(home.mlflow_file, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        line = paretext.refused("promote", "plates", "--trial", 1, "--force")
        other.execute("ROLLBACK")
    assert "mlflow.db" in line and "locked" in line
    assert paretext.read("models", "plates")
