"""Encoder of the search space: parameters to rows of numbers, and rows to points of the unit cube for the surrogate.

A *row* has one number per field: the index in a list of choices or in a grid, or a fraction in [0, 1] of a continuous range.

Decisions:
- Categories that are numbers (32, 48, 96) are ordinal: neighbours are alike.
- In the unit cube an ordinal field takes one column, evenly spaced by index, or by the logarithm for integers that are sampled
  so. A field whose scale is given is spaced by its values, or by their logarithms. A nominal field is one-hot, scaled so that
  any two choices are as far apart as the ends of an ordinal field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Set
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from studies.objectives.pareto import Array, Scale

Row = tuple[float, ...]
MAX_GRID = 100_000
"""Integers with a longer range are treated as continuous: a list of all of them would only cost memory."""
_INTERNED = {float(index): float(index) for index in range(1000)}  # thousands of rows are kept, of numbers that recur


class SpaceEncoder:
    """Encodes and decodes the parameters of a space.

    Args:
        distributions: parameter to distribution; flat.
        scales: parameter to the scale of its listed numbers, "linear" or "log"; those of others are evenly spaced, and so is a
            logarithmic list with a number that is not above 0.

    Attributes:
        groups: (columns,) which field each column of the unit cube belongs to.
        fields: numbers in a row.
        size: number of different rows; infinite when a field is continuous.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution], scales: Mapping[str, Scale] | None = None) -> None:
        self._distributions, self.fields = dict(distributions), len(distributions)
        self._choices = [_choices(d) for d in distributions.values()]
        self._nominal = np.array([_is_nominal(d) for d in distributions.values()], dtype=bool)
        self._indices = [{choice: _INTERNED.get(i, float(i)) for i, choice in enumerate(c or ())} for c in self._choices]
        self._counts = np.array([0 if c is None else len(c) for c in self._choices])
        widths = [n if nominal else 1 for n, nominal in zip(self._counts, self._nominal, strict=True)]
        self.groups = np.repeat(np.arange(len(widths)), widths)
        found = (_places(d, (scales or {}).get(name)) for name, d in distributions.items())
        self._places = {k: places for k, places in enumerate(found) if places is not None}
        self.size = math.prod(len(c) if c is not None else math.inf for c in self._choices)

    def column_of(self, name: str) -> tuple[int | None, int]:
        """Index of a parameter in a row, and its number of values; (None, 1) if the space lacks it or it is continuous."""
        names = list(self._distributions)
        choices = self._choices[names.index(name)] if name in names else None
        return (names.index(name), len(choices)) if choices is not None else (None, 1)

    def columns_of(self, name: str | None) -> NDArray[np.bool_]:
        """(columns,) which columns of a point belong to a parameter; none where `column_of` finds none."""
        column = None if name is None else self.column_of(name)[0]
        found: NDArray[np.bool_] = self.groups == (-1 if column is None else column)
        return found

    def encode(self, params: Mapping[str, Any]) -> Row | None:
        """The row of these parameters; None when they lie outside the space."""
        row = []
        for (name, d), choices, indices in zip(self._distributions.items(), self._choices, self._indices, strict=True):
            value = params.get(name)
            if choices is not None:
                if name not in params or (index := indices.get(value)) is None:
                    return None
                row.append(index)
            elif isinstance(value, int | float) and d.low <= value <= d.high:  # type: ignore[attr-defined]
                row.append(_fraction(d, value))
            else:
                return None
        return tuple(row)

    def decode(self, row: Row | Array) -> dict[str, Any]:
        """The parameters of a row."""
        return {
            name: _value(d, float(x)) if choices is None else choices[round(float(x))]
            for (name, d), choices, x in zip(self._distributions.items(), self._choices, row, strict=True)
        }

    def to_unit_cube(self, rows: Array) -> Array:
        """(n, columns) points of (n, fields) rows."""
        columns = []
        for k in range(rows.shape[1]):
            if self._nominal[k]:
                columns.append(math.sqrt(0.5) * (rows[:, k, None] == np.arange(self._counts[k])))
            elif k in self._places:
                columns.append(self._places[k][rows[:, k].astype(int)][:, None])
            else:
                columns.append(rows[:, k, None] / max(1, self._counts[k] - 1))
        return np.concatenate(columns, axis=1) if columns else np.zeros((len(rows), 0))

    def all_rows(self) -> Array:
        """(size, fields) every row of a finite space."""
        grids = np.meshgrid(*(np.arange(n, dtype=float) for n in self._counts), indexing="ij")
        return np.stack([grid.ravel() for grid in grids], axis=1) if grids else np.zeros((1, 0))

    def sample(self, count: int, rng: Generator) -> Array:
        """(count, fields) random rows."""
        fractions = rng.random((count, len(self._counts)))
        rows: Array = np.where(self._counts > 0, np.floor(fractions * self._counts), fractions)
        for k, places in self._places.items():
            rows[:, k] = _nearest(places, fractions[:, k])
        return rows

    def cross(self, first: Array, second: Array, rng: Generator) -> Array:
        """(n, fields) children of two (n, fields) arrays of rows: numbers between the parents', choices of one parent."""
        share = rng.random(first.shape)
        between = first + share * (second - first)
        between = np.where(self._counts > 0, np.round(between), between)
        return np.where(self._nominal, np.where(share < 0.5, first, second), between)

    def perturb(self, rows: Array, rng: Generator, step: Array) -> Array:
        """Neighbours of rows: at least one field of each is changed.

        Args:
            rows: (n, fields)
            rng: source of randomness.
            step: (n, 1) standard deviation of the changes of numbers, as a fraction of their range.
        """
        n, fields = rows.shape
        if not fields:
            return rows
        changed = rng.random((n, fields)) < 1.0 / fields
        changed[np.arange(n), rng.integers(fields, size=n)] = True
        moves = rng.normal(size=(n, fields)) * step
        last = self._counts - 1
        steps = np.copysign(np.maximum(1.0, np.round(np.abs(moves) * last)), moves)
        others = (rows + 1 + np.floor(rng.random((n, fields)) * np.maximum(last, 1))) % np.maximum(self._counts, 1)
        moved = np.where(self._nominal, others, np.where(self._counts > 0, rows + steps, rows + moves))
        for k, places in self._places.items():
            before = rows[:, k].astype(int)
            after = _nearest(places, places[before] + moves[:, k])
            moved[:, k] = np.where(after == before, before + np.copysign(1.0, moves[:, k]), after)
        top = np.where(self._counts > 0, last, 1.0)
        moved = np.where(self._nominal, moved, np.clip(moved, 0.0, top))
        return np.where(changed, moved, rows)


def to_row(values: Array) -> Row:
    """One row of an array of rows, as a tuple that can be a key."""
    row: Row = tuple(_INTERNED.get(value, value) for value in values.tolist())
    return row


def without(rows: Array, taken: Set[Row]) -> Array:
    """Those of (n, fields) rows that are not among the ones taken."""
    kept = [i for i, row in enumerate(map(tuple, rows.tolist())) if row not in taken]
    return rows[kept]


def _choices(d: BaseDistribution) -> list[Any] | None:
    """The values of a field in order; None when it is continuous."""
    if isinstance(d, CategoricalDistribution):
        return sorted(d.choices) if all(map(_is_number, d.choices)) else list(d.choices)
    if isinstance(d, IntDistribution) and (d.high - d.low) // d.step < MAX_GRID:
        return list(range(d.low, d.high + 1, d.step))
    return None


def _places(d: BaseDistribution, scale: Scale | None) -> Array | None:
    """Where the values of an ordinal field lie, rising from 0 to 1, where they are not evenly spaced; None for other fields."""
    choices = _choices(d)
    if isinstance(d, IntDistribution) and d.log:
        scale = "log"
    if scale is None or choices is None or len(choices) < 2 or not all(map(_is_number, choices)):
        return None
    if scale == "log" and choices[0] <= 0:
        return None
    values = np.log(choices) if scale == "log" else np.array(choices, dtype=float)
    places: Array = (values - values[0]) / (values[-1] - values[0])
    return places


def _nearest(places: Array, wanted: Array) -> Array:
    """Indices of the places nearest to (n,) wanted ones, as numbers of a row."""
    nearest: Array = np.searchsorted((places[1:] + places[:-1]) / 2, wanted).astype(float)
    return nearest


def _is_nominal(d: BaseDistribution) -> bool:
    """Whether a field has several choices without an order, so that it is one-hot encoded."""
    return isinstance(d, CategoricalDistribution) and len(d.choices) > 1 and not all(map(_is_number, d.choices))


def _is_number(choice: Any) -> bool:
    return isinstance(choice, int | float) and not isinstance(choice, bool)


def _fraction(d: BaseDistribution, value: float) -> float:
    """Where in its range a number lies, from 0 to 1 (of the logarithm where the field is logarithmic)."""
    low, high = d.low, d.high  # type: ignore[attr-defined]
    if high <= low:
        return 0.0
    if d.log:  # type: ignore[attr-defined]
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return float((value - low) / (high - low))


def _value(d: BaseDistribution, fraction: float) -> float | int:
    """The inverse of `_fraction`."""
    low, high = d.low, d.high  # type: ignore[attr-defined]
    value = low + fraction * (high - low)
    if d.log:  # type: ignore[attr-defined]
        value = math.exp(math.log(low) + fraction * (math.log(high) - math.log(low)))
    if isinstance(d, FloatDistribution):
        if d.step is not None:
            value = low + round((value - low) / d.step) * d.step
        return float(min(high, max(low, value)))
    return int(min(high, max(low, low + round((value - low) / d.step) * d.step)))  # type: ignore[attr-defined]
