"""Curves in one row of text."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

BARS = "▁▂▃▄▅▆▇█"
"""The characters of a curve, lowest first."""
CURVE_COLUMNS = 60
"""Columns of a curve."""
LEAST_CER = 0.005
"""Character error rate of the lowest bar: readers that are better look the same, and every one of them is good."""


def sparkline(values: Sequence[float], columns: int = CURVE_COLUMNS, logarithmic: bool = False) -> str:
    """A curve in one row of text; if there are more values than columns, neighbours are averaged."""
    scaled = _averaged([math.log(max(v, 1e-4)) for v in values] if logarithmic else list(values), columns)
    low, high = min(scaled), max(scaled)
    step = (high - low) or 1.0
    return "".join(BARS[round((v - low) / step * (len(BARS) - 1))] for v in scaled)


def cer_sparkline(rates: Sequence[float], columns: int) -> str:
    """Character error rates in one row of text, on one scale, so that rows can be compared.

    Args:
        rates: one for each epoch, 0 and up.
        columns: of the curve; if there are more rates, neighbours are averaged.

    Returns:
        The highest bar for a rate of 1 and above, the lowest for `LEAST_CER` and below, logarithmic in between.
    """
    if not rates:
        return ""
    heights = [math.log(min(max(rate, LEAST_CER), 1.0) / LEAST_CER) / -math.log(LEAST_CER) for rate in rates]
    return "".join(BARS[round(height * (len(BARS) - 1))] for height in _averaged(heights, columns))


def _averaged(values: list[float], columns: int) -> list[float]:
    """At most so many values, each the mean of neighbours."""
    if len(values) <= columns:
        return values
    edges = [round(i * len(values) / columns) for i in range(columns + 1)]
    return [sum(values[a:b]) / (b - a) for a, b in pairwise(edges)]
