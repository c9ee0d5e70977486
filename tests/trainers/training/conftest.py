"""Pruning that takes a second, for tests of what comes before and after it."""

from __future__ import annotations

from functools import partial

import pytest

from trainers.pruning.prune import PruningSettings


@pytest.fixture
def quick_search_of_channels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pruning tries a fraction of what it tries by default; which channels it chooses does not matter to the loop."""
    monkeypatch.setattr("trainers.pruning.prune.PruningSettings", partial(PruningSettings, ratios=(0.9,), candidates=3))
