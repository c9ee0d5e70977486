"""A home with one measured study, whose database a test may damage."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.measured_study import measured_study


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
