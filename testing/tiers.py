"""Which parameters of a test belong to the fast tier."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest


def slow_after(fast: int, values: Sequence[Any]) -> list[Any]:
    """Parameters of a test: the first are in the fast tier, the others in the slow one.

    Args:
        fast: number of parameters in the fast tier.
        values: all parameters.
    """
    return [value if place < fast else pytest.param(value, marks=pytest.mark.slow) for place, value in enumerate(values)]
