"""The parameters of a study as rows of numbers, and as points of the unit encoder for regressions.

A *row* has one number a field: the place in a list of choices or in a grid, or where in its range a continuous field lies.

Decisions:
- Whole numbers written as categories (32, 48, 96) have an order: neighbours are alike.
- In the unit encoder an ordered field takes one column, evenly spaced by place; a category takes one column a choice, so that
  any two choices are as far apart as the ends of an ordered field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

Array = NDArray[np.float64]
Row = tuple[float, ...]
_SHARED = {float(place): float(place) for place in range(1000)}  # thousands of rows are kept, of numbers that recur
MOST_CHOICES = 100_000
"""Whole numbers with a longer range are treated as continuous."""


class SpaceEncoder:
    """Rows and points of a space.

    Args:
        distributions: parameter to distribution; flat.

    Attributes:
        groups: (columns,) which field each column of a point belongs to.
        fields: how many numbers a row has.
        size: how many different rows there are; infinite when a field is continuous.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions, self.fields = dict(distributions), len(distributions)
        self._choices = [_choices(d) for d in distributions.values()]
        self._apart = np.array([_unordered(d) for d in distributions.values()], dtype=bool)
        self._places = [{choice: _SHARED.get(i, float(i)) for i, choice in enumerate(c or ())} for c in self._choices]
        self._counts = np.array([0 if c is None else len(c) for c in self._choices])
        widths = [n if apart else 1 for n, apart in zip(self._counts, self._apart, strict=True)]
        self.groups = np.repeat(np.arange(len(widths)), widths)
        self.size = math.prod(len(c) if c is not None else math.inf for c in self._choices)

    def place(self, name: str) -> tuple[int | None, int]:
        """Where in a row a parameter stands, and how many values it has; None and 1 for one that is not a list of the space."""
        names = list(self._distributions)
        choices = self._choices[names.index(name)] if name in names else None
        return (names.index(name), len(choices)) if choices is not None else (None, 1)

    def encode(self, params: Mapping[str, Any]) -> Row | None:
        """The row of these parameters; None when they do not lie in the space."""
        row = []
        for (name, d), choices, places in zip(self._distributions.items(), self._choices, self._places, strict=True):
            value = params.get(name)
            if choices is not None:
                if name not in params or (place := places.get(value)) is None:
                    return None
                row.append(place)
            elif isinstance(value, int | float) and d.low <= value <= d.high:  # type: ignore[attr-defined]
                row.append(_share(d, value))
            else:
                return None
        return tuple(row)

    def decode(self, row: Row | Array) -> dict[str, Any]:
        """The parameters of a row."""
        return {
            name: _value(d, float(x)) if choices is None else choices[round(float(x))]
            for (name, d), choices, x in zip(self._distributions.items(), self._choices, row, strict=True)
        }

    def points(self, rows: Array) -> Array:
        """(n, columns) of (n, fields)."""
        columns = []
        for k in range(rows.shape[1]):
            if self._apart[k]:
                columns.append(math.sqrt(0.5) * (rows[:, k, None] == np.arange(self._counts[k])))
            else:
                columns.append(rows[:, k, None] / max(1, self._counts[k] - 1))
        return np.concatenate(columns, axis=1) if columns else np.zeros((len(rows), 0))

    def everything(self) -> Array:
        """(size, fields) of a finite space."""
        grids = np.meshgrid(*(np.arange(n, dtype=float) for n in self._counts), indexing="ij")
        return np.stack([grid.ravel() for grid in grids], axis=1) if grids else np.zeros((1, 0))

    def draw(self, count: int, by: Generator) -> Array:
        """(count, fields) random rows."""
        shares = by.random((count, len(self._counts)))
        return np.where(self._counts > 0, np.floor(shares * self._counts), shares)

    def moved(self, rows: Array, by: Generator, reach: Array) -> Array:
        """Near ones: at least one field of each is changed, numbers by about a share of their range.

        Args:
            rows: (n, fields)
            by: source of chance.
            reach: (n, 1) standard deviation of the changes of numbers, in shares of the range.
        """
        n, fields = rows.shape
        if not fields:
            return rows
        changed = by.random((n, fields)) < 1.0 / fields
        changed[np.arange(n), by.integers(fields, size=n)] = True
        moves = by.normal(size=(n, fields)) * reach
        last = self._counts - 1
        steps = np.copysign(np.maximum(1.0, np.round(np.abs(moves) * last)), moves)
        others = (rows + 1 + np.floor(by.random((n, fields)) * np.maximum(last, 1))) % np.maximum(self._counts, 1)
        moved = np.where(self._apart, others, np.where(self._counts > 0, rows + steps, rows + moves))
        top = np.where(self._counts > 0, last, 1.0)
        moved = np.where(self._apart, moved, np.clip(moved, 0.0, top))
        return np.where(changed, moved, rows)


def row_of(values: Array) -> Row:
    """One row of a matrix of rows, as a key."""
    row: Row = tuple(_SHARED.get(value, value) for value in values.tolist())
    return row


def _choices(d: BaseDistribution) -> list[Any] | None:
    """The values of a field in their order, None when it is continuous."""
    if isinstance(d, CategoricalDistribution):
        return sorted(d.choices) if all(map(_is_whole, d.choices)) else list(d.choices)
    if isinstance(d, IntDistribution) and (d.high - d.low) // d.step < MOST_CHOICES:
        return list(range(d.low, d.high + 1, d.step))
    return None


def _unordered(d: BaseDistribution) -> bool:
    """Whether a field has several choices without an order."""
    return isinstance(d, CategoricalDistribution) and len(d.choices) > 1 and not all(map(_is_whole, d.choices))


def _is_whole(choice: Any) -> bool:
    return isinstance(choice, int) and not isinstance(choice, bool)


def _share(d: BaseDistribution, value: float) -> float:
    """Where in its range, from 0 to 1, a number lies."""
    low, high = d.low, d.high  # type: ignore[attr-defined]
    if high <= low:
        return 0.0
    if d.log:  # type: ignore[attr-defined]
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return float((value - low) / (high - low))


def _value(d: BaseDistribution, share: float) -> float | int:
    """The number that lies there."""
    low, high = d.low, d.high  # type: ignore[attr-defined]
    value = low + share * (high - low)
    if d.log:  # type: ignore[attr-defined]
        value = math.exp(math.log(low) + share * (math.log(high) - math.log(low)))
    if isinstance(d, FloatDistribution):
        if d.step is not None:
            value = low + round((value - low) / d.step) * d.step
        return float(min(high, max(low, value)))
    return int(min(high, max(low, low + round((value - low) / d.step) * d.step)))  # type: ignore[attr-defined]
