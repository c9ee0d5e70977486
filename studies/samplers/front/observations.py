"""What trainings have reached, as arrays that a study of thousands need not build anew for every proposal.

Decisions:
- In the order of the rows, so that nothing depends on the order in which records came.
- Brought up to date when somebody asks: a study that is taken up adds thousands at once.
- Who of thousands is compared with all others is drawn by the rows alone, so that a newcomer does not change the draw.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Point
from studies.samplers.front.encoding import Array, Row

RIVALS = 200
"""With how many others each is compared."""


@dataclass(frozen=True)
class ObservationTable:
    """Trainings that have reached a rung, in the order of their rows.

    Attributes:
        rows: of the space, as `studies.samplers.front.encoding` has them.
        matrix: (n, fields) the same.
        deepest: (n,) number of the highest rung that each has reached, from 0.
        values: (n, objectives) what it reached there.
    """

    rows: list[Row]
    matrix: Array
    deepest: NDArray[np.int64]
    values: Array

    def with_(self, found: Mapping[Row, Mapping[int, Point]], rungs: Sequence[int]) -> ObservationTable:
        """One with more trainings, or with more of those it has.

        Args:
            found: row to rung to values there, of all rungs that each has reached.
            rungs: epochs of each, rising.
        """
        if not found:
            return self
        rows = sorted(found)
        at = np.array([bisect_left(self.rows, row) for row in rows])
        here = np.array([i < len(self.rows) and self.rows[i] == row for i, row in zip(at, rows, strict=True)])
        lengths = [max(found[row]) for row in rows]
        deepest = np.searchsorted(rungs, lengths)
        values = np.array([found[row][rung] for row, rung in zip(rows, lengths, strict=True)], dtype=float)
        old_deepest, old_values = self.deepest.copy(), self.values.copy()
        old_deepest[at[here]], old_values[at[here]] = deepest[here], values[here]
        new = [row for row, known in zip(rows, here, strict=True) if not known]
        places = at[~here]
        return ObservationTable(
            sorted(self.rows + new),
            np.insert(self.matrix, places, np.array(new, dtype=float).reshape(len(new), self.matrix.shape[1]), axis=0),
            np.insert(old_deepest, places, deepest[~here]),
            np.insert(old_values, places, values[~here], axis=0),
        )

    def best(self, most: int) -> ObservationTable:
        """At most so many: those that got far and are dominated by few of those that got as far."""
        if len(self.rows) <= most:
            return self
        kept = np.sort(self.by_promise()[:most])
        return ObservationTable([self.rows[i] for i in kept], self.matrix[kept], self.deepest[kept], self.values[kept])

    def by_promise(self) -> NDArray[np.int64]:
        """Positions, first those that got far and are dominated by few of those that got as far."""
        worse = np.zeros(len(self.rows))
        drawn = (self.matrix @ np.sqrt(np.arange(2, 2 + self.matrix.shape[1]))) % 1.0
        for number in np.unique(self.deepest):
            at = np.flatnonzero(self.deepest == number)
            rivals = at[np.argsort(drawn[at], kind="stable")[:RIVALS]]
            worse[at] = dominated(self.values[at], self.values[rivals])
        return np.lexsort((worse, -self.deepest))


class Observations:
    """What has been reached, kept.

    Args:
        fields: how many numbers a row has.
        objectives: how many values there are.
        rungs: epochs of each, rising.

    Attributes:
        reached: row to rung to values there, all to be minimised and evenly scaled.
    """

    def __init__(self, fields: int, objectives: int, rungs: Sequence[int]) -> None:
        self.reached: dict[Row, dict[int, Point]] = {}
        self._rungs = tuple(rungs)
        self._new: dict[Row, dict[int, Point]] = {}
        self._table = ObservationTable([], np.zeros((0, fields)), np.zeros(0, dtype=np.int64), np.zeros((0, objectives)))

    def add(self, row: Row, rung: int, point: Point) -> None:
        """Notes a value; only the first of a row and a rung counts."""
        reached = self._new[row] = self.reached.setdefault(row, {})
        reached.setdefault(rung, point)

    def table(self) -> ObservationTable:
        """All of it."""
        self._table = self._table.with_(self._new, self._rungs)
        self._new = {}
        return self._table


def dominated(values: Array, rivals: Array) -> Array:
    """(n,) share of the rivals that dominate each of the values."""
    as_good, better = np.ones((len(values), len(rivals)), dtype=bool), np.zeros((len(values), len(rivals)), dtype=bool)
    for theirs, mine in zip(rivals.T, values.T[:, :, None], strict=True):
        as_good &= theirs <= mine
        better |= theirs < mine
    shares: Array = (as_good & better).mean(axis=1)
    return shares


def evenly(count: int, most: int) -> NDArray[np.int64]:
    """At most so many of the positions 0 to count - 1."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.zeros(0, dtype=np.int64)
