"""Table of observations: what each training has reached at its highest rung, as arrays that grow with the study.

Decisions:
- Sorted by row, so that nothing depends on the order in which observations came.
- New observations are merged when they are first read, since a resumed study adds thousands at once.
- Which of thousands the others are compared with depends on their rows alone, so that a new observation does not change it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Array, Point
from studies.samplers.front.encoding import Row

MAX_COMPARISONS = 200
"""Most others with which a training is compared: a rate of dominance from 200 is exact to a few per cent."""


@dataclass(frozen=True)
class ObservationTable:
    """Trainings that have reached a rung, sorted by row.

    Attributes:
        rows: n rows, see `studies.samplers.front.encoding`.
        matrix: (n, fields) the same as an array.
        highest: (n,) number of the highest rung that each has reached, from 0.
        values: (n, objectives) what each reached there.
    """

    rows: list[Row]
    matrix: Array
    highest: NDArray[np.int64]
    values: Array

    def merged(self, new: Mapping[Row, Mapping[int, Point]], rungs: Sequence[int]) -> ObservationTable:
        """A table with further trainings, or with further rungs of those it has.

        Args:
            new: row to rung to values there, for all rungs that each has reached.
            rungs: epochs of each, rising.
        """
        if not new:
            return self
        rows = sorted(new)
        at = np.array([bisect_left(self.rows, row) for row in rows])
        here = np.array([i < len(self.rows) and self.rows[i] == row for i, row in zip(at, rows, strict=True)])
        reached = [max(new[row]) for row in rows]
        highest = np.searchsorted(rungs, reached)
        values = np.array([new[row][rung] for row, rung in zip(rows, reached, strict=True)], dtype=float)
        old_highest, old_values = self.highest.copy(), self.values.copy()
        old_highest[at[here]], old_values[at[here]] = highest[here], values[here]
        added = [row for row, known in zip(rows, here, strict=True) if not known]
        places = at[~here]
        return ObservationTable(
            sorted(self.rows + added),
            np.insert(self.matrix, places, np.array(added, dtype=float).reshape(len(added), self.matrix.shape[1]), axis=0),
            np.insert(old_highest, places, highest[~here]),
            np.insert(old_values, places, values[~here], axis=0),
        )

    def best(self, count: int) -> ObservationTable:
        """At most `count` trainings: those at high rungs that few at the same rung dominate."""
        if len(self.rows) <= count:
            return self
        kept = np.sort(self.ranked()[:count])
        return ObservationTable([self.rows[i] for i in kept], self.matrix[kept], self.highest[kept], self.values[kept])

    def ranked(self) -> NDArray[np.int64]:
        """(n,) positions, best first: by the highest rung, then by how few at the same rung dominate."""
        rates = np.zeros(len(self.rows))
        hashed = (
            self.matrix @ np.sqrt(np.arange(2, 2 + self.matrix.shape[1]))
        ) % 1.0  # a pseudo-random order that depends on the rows alone
        for number in np.unique(self.highest):
            at = np.flatnonzero(self.highest == number)
            others = at[np.argsort(hashed[at], kind="stable")[:MAX_COMPARISONS]]
            rates[at] = domination_rate(self.values[at], self.values[others])
        return np.lexsort((hashed, rates, -self.highest))  # equal ones not by row, which is the first parameter


class Observations:
    """All observations of a study.

    Args:
        fields: numbers in a row.
        objectives: values of an observation.
        rungs: epochs of each, rising.

    Attributes:
        reached: row to rung to values there, all minimised and on a linear scale.
    """

    def __init__(self, fields: int, objectives: int, rungs: Sequence[int]) -> None:
        self.reached: dict[Row, dict[int, Point]] = {}
        self._rungs = tuple(rungs)
        self._new: dict[Row, dict[int, Point]] = {}
        self._table = ObservationTable([], np.zeros((0, fields)), np.zeros(0, dtype=np.int64), np.zeros((0, objectives)))

    def add(self, row: Row, rung: int, point: Point) -> None:
        """Adds an observation; only the first of a row and a rung counts."""
        reached = self._new[row] = self.reached.setdefault(row, {})
        reached.setdefault(rung, point)

    def table(self) -> ObservationTable:
        """All observations so far."""
        self._table = self._table.merged(self._new, self._rungs)
        self._new = {}
        return self._table


def domination_rate(values: Array, others: Array) -> Array:
    """(n,) fraction of the (m, objectives) others that dominate each of the (n, objectives) values."""
    as_good, better = np.ones((len(values), len(others)), dtype=bool), np.zeros((len(values), len(others)), dtype=bool)
    for theirs, mine in zip(others.T, values.T[:, :, None], strict=True):
        as_good &= theirs <= mine
        better |= theirs < mine
    rates: Array = (as_good & better).mean(axis=1)
    return rates


def evenly_spaced(count: int, most: int) -> NDArray[np.int64]:
    """At most `most` of the positions 0 to count - 1, evenly spaced."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.zeros(0, dtype=np.int64)
