"""What is believed of every training and every candidate of a study: where a full training would put it.

Decisions:
- Trainings that were stopped, or are under way, count in the front with what is foretold of them: what has been found need
  not be found again, even before it is trained to the end.
- Objectives known before training (costs) are exact where they were worked out, and foretold from those elsewhere.
- Regressions are of at most `MOST` trainings: the best two thirds of that, and others evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from studies.cube import Array, Cube, Row
from studies.expected_gains import expected_gains
from studies.pareto import Point
from studies.rung_chain import Chain, Fits, Reached

MOST = 250
MARGIN = 0.1
"""The reference lies so much beyond the worst that is foretold, in shares of the extent."""
RIVALS = 200


class Beliefs:
    """What the records say.

    Args:
        cube: of the space.
        rungs: epochs of each rung, rising.
        reached: row to rung to values there, all to be minimised and evenly scaled.
        costs: row to the values of the objectives in `exact`, as far as they have been worked out.
        exact: positions of the objectives that are known before training.
        running: rows of trainings under way.
        fits: one for each objective, what earlier fits have found.
    """

    def __init__(
        self,
        cube: Cube,
        rungs: Sequence[int],
        reached: Mapping[Row, Mapping[int, Point]],
        costs: Mapping[Row, tuple[float, ...]],
        exact: Sequence[int],
        running: Sequence[Row],
        fits: Sequence[Fits],
    ) -> None:
        self._cube, self._rungs, self._costs, self._exact = cube, tuple(rungs), costs, tuple(exact)
        self._chains: dict[int, Chain] = {}
        rows = sorted(reached)
        points = cube.points(_matrix(rows, cube))
        deepest = np.array([self._rungs.index(max(reached[row])) for row in rows], dtype=int)
        values = np.array([reached[row][max(reached[row])] for row in rows], dtype=float).reshape(len(rows), len(fits))
        kept = _kept(deepest, values)
        for k in range(len(fits)):
            records = self._cost_records(k) if k in self._exact else self._records(k, kept, rows, reached)
            at = points if k not in self._exact else cube.points(_matrix(sorted(costs), cube))
            self._chains[k] = Chain(at, cube.groups, records, fits[k])
        self.ready = bool(rows) and all(chain.known for chain in self._chains.values())
        if not self.ready:
            return
        self.rows, self.believed = np.array(rows), self._foretold(points, deepest, values)
        self._front = self.believed
        new = [row for row in running if row not in reached]
        if new:
            self._front = np.vstack([self._front, self.predict(np.array(new))[0]])
        self.refer(self._front)

    def refer(self, values: Array) -> None:
        """Sets the region that counts: what these values span, and a little more.

        Args:
            values: (n, objectives)
        """
        low, high = np.minimum(self._front.min(axis=0), values.min(axis=0)), np.maximum(self._front.max(axis=0), values.max(axis=0))
        self._low, self._extent = low, np.where(high > low, high - low, 1.0)

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """(n, objectives) means and standard deviations of fully trained candidates, (n, fields)."""
        points = self._cube.points(rows)
        found = [self._chains[k].predict(points) for k in range(len(self._chains))]
        means = np.stack([mean for mean, _ in found], axis=1)
        deviations = np.sqrt(np.stack([variance for _, variance in found], axis=1))
        for i, row in enumerate(map(tuple, rows.tolist())):
            if row in self._costs:
                means[i, self._exact], deviations[i, self._exact] = self._costs[row], 0.0
        return means, deviations

    def gains(self, means: Array, deviations: Array) -> Array:
        """(n,) expected gains of hypervolume, the region that counts being the unit."""
        front = (self._front - self._low) / self._extent
        scaled = (means - self._low) / self._extent
        reference = [1.0 + MARGIN] * means.shape[1]
        return expected_gains(scaled, deviations / self._extent, front.tolist(), reference)

    def losses(self) -> Array:
        """(trainings,) how much worse than the front each is believed to be: the share of others that dominate it."""
        values = self.believed
        rivals = values[np.unique(np.linspace(0, len(values) - 1, min(len(values), RIVALS)).astype(int))]
        return _dominated(values, rivals)

    def _records(self, k: int, kept: NDArray[np.int64], rows: list[Row], reached: Mapping[Row, Mapping[int, Point]]) -> list[Reached]:
        found = []
        for rung in self._rungs:
            there = [int(i) for i in kept if rung in reached[rows[i]]]
            found.append(Reached(there, [reached[rows[i]][rung][k] for i in there]))
        return found

    def _cost_records(self, k: int) -> list[Reached]:
        """Costs do not change with training: a chain of one link."""
        place = self._exact.index(k)
        values = [self._costs[row][place] for row in sorted(self._costs)]
        there = np.unique(np.linspace(0, len(values) - 1, min(MOST, len(values))).astype(int)).tolist() if values else []
        return [Reached(there, [values[i] for i in there])]

    def _foretold(self, points: Array, deepest: NDArray[np.int64], values: Array) -> Array:
        """(trainings, objectives) at the last rung: measured, or foretold from the deepest one reached."""
        believed = values.copy()
        for k, chain in self._chains.items():
            if k in self._exact:
                continue
            for number in range(len(self._rungs) - 1):
                at = np.flatnonzero(deepest == number)
                if len(at):
                    believed[at, k] = chain.predict(points[at], number, values[at, k])[0]
        return believed


def _matrix(rows: Sequence[Row], cube: Cube) -> Array:
    return np.array(rows, dtype=float).reshape(len(rows), cube.fields)


def _kept(deepest: NDArray[np.int64], values: Array) -> NDArray[np.int64]:
    """Which trainings the regressions are of, by position: those that got far and are dominated by few."""
    n = len(deepest)
    if n <= MOST:
        return np.arange(n)
    worse = np.zeros(n)
    for number in np.unique(deepest):
        at = np.flatnonzero(deepest == number)
        rivals = values[at[:: max(1, len(at) // RIVALS)]]
        worse[at] = _dominated(values[at], rivals)
    order = np.lexsort((worse, -deepest))
    best, rest = order[: 2 * MOST // 3], order[2 * MOST // 3 :]
    others = rest[np.linspace(0, len(rest) - 1, MOST - len(best)).astype(int)]
    return np.sort(np.concatenate([best, others]))


def _dominated(values: Array, rivals: Array) -> Array:
    """(n,) share of the rivals that dominate each of the values."""
    better = (rivals[None] <= values[:, None]).all(axis=2) & (rivals[None] < values[:, None]).any(axis=2)
    shares: Array = better.mean(axis=1)
    return shares
