"""What is believed of every training and every candidate of a study: where a full training would put it.

Decisions:
- Trainings that were stopped, or are under way, count in the front with what is foretold of them: what has been found need
  not be found again, even before it is trained to the end.
- Objectives known before training (costs) are exact where they were worked out, and foretold from those elsewhere.
- Of a large study only the `CONSIDERED` best trainings are looked at, those that got far and are dominated by few; regressions
  are of at most `MOST` of them: the best two thirds of that, and others evenly.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Point, not_dominated
from studies.samplers.front.ehvi import expected_hypervolume_improvement
from studies.samplers.front.encoding import Array, Row, SpaceEncoder
from studies.samplers.front.feasibility import KnownCosts
from studies.samplers.front.multi_fidelity_gp import Hyperparameters, MultiFidelityGP, Reached
from studies.samplers.front.observations import RIVALS, ObservationTable, dominated, evenly

CONSIDERED, MOST = 3000, 250
MARGIN = 0.1
"""The reference lies so much beyond the worst that is foretold, in shares of the extent."""


class Surrogate:
    """What the records say.

    Args:
        encoder: of the space.
        rungs: epochs of each rung, rising.
        table: trainings that have reached a rung; values all to be minimised and evenly scaled.
        reached: row to rung to values there.
        costs: row to the values of the objectives in `exact`, as far as they have been worked out.
        exact: positions of the objectives that are known before training.
        running: rows of trainings under way that have reached no rung yet.
        fits: one for each objective, what earlier fits have found.

    Attributes:
        ready: whether there is anything to foretell from; if not, nothing else may be asked.
        rows: (trainings, fields) that have reached a rung and are considered.
        believed: (trainings, objectives) what each reaches when it is fully trained.
    """

    def __init__(
        self,
        encoder: SpaceEncoder,
        rungs: Sequence[int],
        table: ObservationTable,
        reached: Mapping[Row, Mapping[int, Point]],
        costs: KnownCosts,
        exact: Sequence[int],
        running: Sequence[Row],
        fits: Sequence[Hyperparameters],
    ) -> None:
        self._encoder, self._rungs, self._costs, self._exact = encoder, tuple(rungs), costs, tuple(exact)
        table = table.best(CONSIDERED)
        self._deepest, self._values, self.rows = table.deepest, table.values, table.matrix
        self._places = {row: i for i, row in enumerate(table.rows)}
        self._points = encoder.points(self.rows)
        kept = _kept(table)
        self._chains = [
            chain_of_costs(encoder, costs, self._exact.index(k), fits[k])
            if k in self._exact
            else self._chain(k, fits[k], kept, table.rows, reached)
            for k in range(len(fits))
        ]
        self.ready = bool(table.rows) and all(chain.known for chain in self._chains)
        if self.ready:
            self.believed = np.stack([self._full(k, np.arange(len(table.rows)))[0] for k in range(len(fits))], axis=1)
            found = self.predict(_matrix(running, encoder))[0] if running else np.zeros((0, len(fits)))
            self._all = np.concatenate([self.believed, found])
            self._front = self._all[not_dominated(self._all)]
            self.refer(self._all)

    def can_finish(self, row: Row) -> bool:
        """Whether a training is among `rows` and not at its end."""
        return row in self._places and self._deepest[self._places[row]] < len(self._rungs) - 1

    def refer(self, values: Array) -> None:
        """Sets the region that counts: what the records and these (n, objectives) values span, and a little more."""
        span = np.concatenate([self._all, values])
        self._low, high = span.min(axis=0), span.max(axis=0)
        self._extent = np.where(high > self._low, high - self._low, 1.0)

    def predict(self, rows: Array) -> tuple[Array, Array]:
        """(n, objectives) means and standard deviations of fully trained candidates, (n, fields)."""
        points = self._encoder.points(rows)
        found = [chain.predict(points) for chain in self._chains]
        means = np.stack([mean for mean, _ in found], axis=1)
        deviations = np.sqrt(np.stack([variance for _, variance in found], axis=1))
        for i, row in enumerate(map(tuple, rows.tolist())):
            if row in self._costs:
                means[i, self._exact], deviations[i, self._exact] = self._costs[row], 0.0
        return means, deviations

    def gains(self, means: Array, deviations: Array) -> Array:
        """(n,) expected gains of hypervolume over everything begun, the region that counts being the unit."""
        return self._gains(means, deviations, self._front)

    def finishing(self, paused: Sequence[Row], resumed: Sequence[Row], new: Row) -> tuple[Array, float]:
        """What it is worth to train on, and to begin: expected gains over what is trained to the end, by epoch left.

        Args:
            paused: rows that wait at a rung and `can_finish`.
            resumed: rows on their way up from one, which count as if trained to the end.
            new: what would be begun.
        """
        at = np.array([self._places[row] for row in paused])
        settled = self._deepest == len(self._rungs) - 1
        settled[[self._places[row] for row in resumed if row in self._places]] = True
        front = self.believed[settled]
        front = front[not_dominated(front)]
        deviations = np.sqrt(np.stack([self._full(k, at)[1] for k in range(len(self._chains))], axis=1))
        left = self._rungs[-1] - np.array(self._rungs)[self._deepest[at]]
        begun = self._gains(*self.predict(np.array([new])), front)
        return self._gains(self.believed[at], deviations, front) / left, float(begun[0]) / self._rungs[-1]

    def losses(self) -> Array:
        """(trainings,) how much worse than the front each is believed to be: the share of others that dominate it."""
        return dominated(self.believed, self.believed[evenly(len(self.believed), RIVALS)])

    def _gains(self, means: Array, deviations: Array, front: Array) -> Array:
        known = ((front - self._low) / self._extent).tolist()
        reference = [1.0 + MARGIN] * means.shape[1]
        return expected_hypervolume_improvement((means - self._low) / self._extent, deviations / self._extent, known, reference)

    def _full(self, k: int, at: NDArray[np.int64]) -> tuple[Array, Array]:
        """(n,) means and variances of an objective of some trainings when they are fully trained."""
        mean, variance = self._values[at, k].copy(), np.zeros(len(at))
        for rung in range(len(self._rungs) - 1) if k not in self._exact else ():
            here = np.flatnonzero(self._deepest[at] == rung)
            if len(here):
                mean[here], variance[here] = self._chains[k].finish(self._points[at[here]], rung, mean[here])
        return mean, variance

    def _chain(
        self,
        k: int,
        fits: Hyperparameters,
        kept: NDArray[np.int64],
        rows: list[Row],
        reached: Mapping[Row, Mapping[int, Point]],
    ) -> MultiFidelityGP:
        places = [[i for i, at in enumerate(kept) if rung in reached[rows[at]]] for rung in self._rungs]
        records = [
            Reached(there, [reached[rows[kept[i]]][rung][k] for i in there])
            for rung, there in zip(self._rungs, places, strict=True)
        ]
        return MultiFidelityGP(self._points[kept], self._encoder.groups, records, fits)


def chain_of_costs(
    encoder: SpaceEncoder, costs: KnownCosts, place: int, fits: Hyperparameters | None = None
) -> MultiFidelityGP:
    """The regression of a cost, which does not change with training: a chain of one link.

    Args:
        encoder: of the space.
        costs: row to costs.
        place: of the cost among them.
        fits: what was found before.
    """
    rows = [costs.rows[i] for i in evenly(len(costs.rows), MOST)]
    records = Reached(list(range(len(rows))), [costs[row][place] for row in rows])
    return MultiFidelityGP(encoder.points(_matrix(rows, encoder)), encoder.groups, [records], fits)


def _matrix(rows: Sequence[Row], encoder: SpaceEncoder) -> Array:
    return np.array(rows, dtype=float).reshape(len(rows), encoder.fields)


def _kept(table: ObservationTable) -> NDArray[np.int64]:
    """Which trainings the regressions are of, by position: the best, and others evenly."""
    n = len(table.rows)
    if n <= MOST:
        return np.arange(n)
    order = table.by_promise()
    best, rest = order[: 2 * MOST // 3], order[2 * MOST // 3 :]
    return np.sort(np.concatenate([best, rest[evenly(len(rest), MOST - len(best))]]))
