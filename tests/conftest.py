"""Settings of all tests: the number of threads, and the order.

One thread per test process: two test processes on two cores are faster than one with two threads, and steadier.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_SYSTEM_METRICS_LOGGING", "false")  # tests compare all metrics of a run
os.environ.setdefault("RAY_worker_niceness", "0")  # or trainings on Ray wait for whatever another test computes

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
