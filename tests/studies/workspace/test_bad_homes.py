"""Workspace folders with odd names work or are refused in one line; one that can only be read is read."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

import pytest

from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.measured_study import measured_study

BAD = ["a?b", "a%20b", "a{b}", "{SCHEMA_VERSION}", "?", "50%25"]
ODD = ["with blank", "grün", "日本", "a#b", "a'b", 'a"b', "a;b", "a&b", "a:b", "a\\b", "a@b", "a+b", "a=b", "50%", "-a"]


@pytest.fixture
def paretext(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    monkeypatch.delenv("PARETEXT_STORAGE", raising=False)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.chdir(tmp_path)
    return Commands(capsys)


@pytest.mark.parametrize("name", BAD)
def test_a_folder_that_a_url_cannot_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paretext: Commands, name: str
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / name))
    for command in (("front", "plates"), ("promote", "plates"), ("export", "plates", "x.onnx"), ("search",)):
        assert "choose a path without" in paretext.refused(*command)
    assert list(tmp_path.iterdir()) == [], "nothing may be made beside it"


@pytest.mark.parametrize("name", ODD)
def test_a_folder_with_an_odd_name_is_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paretext: Commands, name: str
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / name))
    measured_study(tmp_path / name)
    assert paretext.read("front", "plates")
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_or_nothing_in_the_place_of_the_folder_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paretext: Commands
) -> None:
    (tmp_path / "file").write_text("x")
    places = {tmp_path / "file": "is a file", tmp_path / "file/home": "", Path("~no-such-user/x"): "not known"}
    for place, words in places.items():
        monkeypatch.setenv("PARETEXT_HOME", str(place))
        for command in (("front", "plates"), ("promote", "plates"), ("search", "--trials", 1)):
            assert words in paretext.refused(*command)
    assert (tmp_path / "file").read_text() == "x"


def test_a_folder_that_can_only_be_read_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, paretext: Commands) -> None:
    home = tmp_path / "home"
    measured_study(home)
    monkeypatch.setenv("PARETEXT_HOME", str(home))
    assert paretext("promote", "plates", "--trial", 0).code == 0
    assert paretext("data", "digits", "lines", "--count", 1).code == 0
    for beside in home.glob("optuna.db-*"):
        shutil.copyfile(beside, tmp_path / beside.name)
    folders = [home, *(path for path in home.rglob("*") if path.is_dir())]
    try:
        for path in home.rglob("*"):
            path.chmod(0o555 if path.is_dir() else 0o444)
        home.chmod(0o555)
        for command in (("front", "plates"), ("trials", "plates"), ("studies",), ("predict", "lines/000.png")):
            assert _without_privileges(command) == 0, command
        for command in (("promote", "plates", "--trial", "1", "--force"), ("search", "--trials", "1")):
            assert _without_privileges(command) == 2, command
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert Workspace(home).holds_models


def _without_privileges(words: tuple[str, ...]) -> int:
    """The exit code of a command in a process that may not write where nobody may, also if it belongs to root."""
    from dashboards.cli.command_line import main

    process = os.fork()
    if process == 0:
        code = 77
        try:
            header, nothing = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
            ctypes.CDLL(None).capset(header, nothing)
            code = main(list(words))
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
