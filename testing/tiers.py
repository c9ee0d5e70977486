"""Which parameters of a test belong to which tier: fast (`make test`), slow (CI runs it besides), thorough (`make thorough`).

A test that holds for many networks alike has some of them in each tier: the first tiers meet nearly every fault in minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def slow_after(fast: int, values: Sequence[Any], thorough: int | None = None) -> list[Any]:
    """Parameters of a test, sorted into tiers by their place.

    Args:
        fast: number of parameters in the fast tier.
        values: all parameters.
        thorough: place from which they are in the thorough tier; None: all others are in the slow one.
    """
    return [_in_tier(value, place, fast, len(values) if thorough is None else thorough) for place, value in enumerate(values)]


def thorough_but_every(step: int, values: Sequence[Any], first: int = 0) -> list[Any]:
    """Parameters of a slow test, most of them for the thorough tier.

    Args:
        step: every `step`-th stays in the slow tier.
        values: all parameters.
        first: place of the first that stays, below `step`.
    """
    others = pytest.mark.thorough
    return [value if place % step == first else pytest.param(value, marks=others) for place, value in enumerate(values)]


def _in_tier(value: Any, place: int, slow: int, thorough: int) -> Any:
    if place < slow:
        return value
    marks = [pytest.mark.slow, *([pytest.mark.thorough] if place >= thorough else [])]
    return pytest.param(value, marks=marks)
