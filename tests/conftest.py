"""Settings of all tests: the number of threads, and the order.

One thread per test process: two test processes on two cores are faster than one with two threads, and steadier.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")  # tests compare all metrics of a run
os.environ.setdefault("RAY_worker_niceness", "0")  # or trainings on Ray wait for whatever another test computes

settings.register_profile("tests", deadline=None)  # a busy machine may take longer for one example than for another
settings.load_profile("tests")

LONG = ("test_story.py", "test_kills.py", "test_ray.py", "test_backends.py", "test_local_engine.py")
"""Files whose slow tests take minutes, most of it waiting. They run first, so that other processes compute meanwhile."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    order = {name: place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: order[item.path.name] if item.path.name in LONG and "slow" in item.keywords else len(LONG))


@pytest.fixture(scope="session")
def session_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all processes of pytest-xdist, whose temporary folders lie side by side."""
    own = tmp_path_factory.getbasetemp()
    folder = (own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session", autouse=True)
def mlflow_tables(session_folder: Path) -> Iterator[None]:
    """MLflow takes ten seconds to create its tables: that is done once for all tests, which get a copy of the database.

    Processes that tests start create their own.
    """
    from studies.registry import mlflow_client  # not before the number of threads is set
    from trainers.base.atomic_write import atomic_write
    from trainers.base.file_lock import locked

    create, template = mlflow_client._create_tables, session_folder / "mlflow.db"

    def copy(mlflow: ModuleType, uri: str) -> None:
        with locked(session_folder / "mlflow.lock"):
            if not template.exists():
                with atomic_write(template) as temporary:
                    create(mlflow, f"sqlite:///{temporary}")
        shutil.copyfile(template, uri.removeprefix("sqlite:///"))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(mlflow_client, "_create_tables", copy)
        yield


@pytest.fixture(scope="session", autouse=True)
def decoded_digits(session_folder: Path) -> Iterator[None]:
    """To compose and decode the built-in digits takes ten seconds: that is done once for all tests, whose caches get a copy.

    Processes that tests start decode their own, unless the cache of their workspace has the lines already.
    """
    from trainers.base.file_lock import locked
    from trainers.data import cache
    from trainers.data.digits import DigitLine
    from trainers.data.fingerprint import digest_of
    from trainers.data.lines import LineSet

    write, folder = cache._write, session_folder / "digits"

    def copy(building: Path, line_set: LineSet, height_px: int, progress: cache.Progress | None, *rest: Any) -> None:
        lines = line_set.lines
        if line_set.skipped or not all(isinstance(line.load, DigitLine) for line in lines):
            write(building, line_set, height_px, progress, *rest)
            return
        template = folder / digest_of([repr(line) for line in lines], height_px)
        with locked(session_folder / "digits.lock"):
            if not template.exists():
                unfinished = folder / "unfinished"
                shutil.rmtree(unfinished, ignore_errors=True)
                unfinished.mkdir(parents=True)
                write(unfinished, line_set, height_px, None, *rest)
                unfinished.rename(template)
        shutil.copytree(template, building, dirs_exist_ok=True)
        if progress is not None:
            progress(len(lines), len(lines))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cache, "_write", copy)
        yield


@pytest.fixture(scope="session")
def copy_of_shown_study(session_folder: Path) -> Callable[[Path], Workspace]:
    """Copies a workspace with the study of `testing.shown_study`, which is made once for all tests, to a folder."""
    from studies.workspace.paths import Workspace
    from testing.shown_study import shown_study
    from trainers.base.file_lock import locked

    template = session_folder / "shown" / "runs"

    def copy(folder: Path) -> Workspace:
        with locked(session_folder / "shown.lock"):
            if not (done := template.parent / "done").exists():
                shutil.rmtree(template.parent, ignore_errors=True)
                shown_study(template)
                with contextlib.closing(sqlite3.connect(Workspace(template).optuna_file)) as database:
                    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")  # or copies differ in size, and shrink when opened
                done.touch()
        shutil.copytree(template, folder)
        return Workspace(folder)

    return copy
