"""A home folder for each test; the decoded digit lines are shared, since they are the same for all."""

from __future__ import annotations

from pathlib import Path

import pytest

from studies.home import Home


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def home(tmp_path: Path, shared_cache: Path) -> Home:
    home = Home(tmp_path / "runs").prepare()
    home.cache.symlink_to(shared_cache)
    return home
