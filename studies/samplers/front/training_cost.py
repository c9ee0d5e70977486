"""What it costs to train a candidate, relative to others: computed for some candidates, predicted for all others.

A search whose time is limited counts seconds instead of epochs, and an epoch of a large network takes many times as long as one
of a small network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from studies.objectives.pareto import Array
from studies.samplers.front.encoding import Row, SpaceEncoder, to_row
from studies.samplers.front.feasibility import Params
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache, MultiFidelityGP, RungData
from studies.samplers.front.observations import evenly_spaced

SAMPLES = 16
"""Candidates whose costs are computed before those of others are predicted. With 8, the fastest third was often missed."""
MAX_COMPUTED = 48
"""Most candidates whose costs are computed: a cost follows from few parameters, and computing one takes up to 0.1 s."""


@dataclass(frozen=True)
class EpochCost:
    """What an epoch of a training costs, in one unit for all, such as seconds.

    Attributes:
        of: cost of a candidate with the given parameters, above 0; None: it cannot be built. It is called again for each
            prediction, as its answers become better while a search runs.
        highest: most that an epoch of a new training may cost at this time; by default any.
    """

    of: Callable[[Params], float | None]
    highest: Callable[[], float] = field(default=lambda: math.inf)


class TrainingCost:
    """Costs of an epoch of candidates.

    Args:
        encoder: of the space.
        first_variant: row to the one that stands for all variants of its training, which cost the same.
        epoch_cost: computes the cost; None: all cost 1.
    """

    def __init__(self, encoder: SpaceEncoder, first_variant: Callable[[Row], Row], epoch_cost: EpochCost | None) -> None:
        self._encoder, self._first_variant, self._epoch_cost = encoder, first_variant, epoch_cost
        self._computed: set[Row] = set()
        self._cache = HyperparameterCache()

    @property
    def differs(self) -> bool:
        """Whether an epoch of one candidate may cost more than one of another."""
        return self._epoch_cost is not None

    def learn(self, rows: Iterable[Row], most: int = MAX_COMPUTED) -> None:
        """Computes the costs of further candidates, until `most` are computed in all."""
        for row in map(self._first_variant, rows) if self.differs else ():
            if len(self._computed) >= most:
                return
            if self._compute(row) is not None:
                self._computed.add(row)

    def of(self, rows: Array) -> Array:
        """(n,) costs of (n, fields) candidates, computed or predicted."""
        if not self.differs:
            return np.ones(len(rows))
        spread = evenly_spaced(len(rows), 2 * SAMPLES)  # sorted rows begin alike
        order = np.concatenate([spread[::2], spread[1::2]])  # the second half where some are impossible to build
        self.learn(map(to_row, rows[order]), SAMPLES)
        known = {row: cost for row in sorted(self._computed) if (cost := self._compute(row)) is not None}
        if not known:
            return np.ones(len(rows))
        trained = [self._first_variant(to_row(row)) for row in rows]
        data = RungData(list(range(len(known))), [math.log(cost) for cost in known.values()])
        model = MultiFidelityGP(self._encoder.to_unit_cube(np.array(list(known))), self._encoder.groups, [data], self._cache)
        if model.fitted:
            predicted = np.exp(model.predict(self._encoder.to_unit_cube(np.array(trained)))[0])
        else:
            predicted = np.full(len(rows), next(iter(known.values())))
        return np.array([known.get(row, cost) for row, cost in zip(trained, predicted, strict=True)])

    def per_cost(self, scores: Array, rows: Array) -> Array:
        """(n,) scores of (n, fields) candidates divided by what an epoch costs; 0 where it costs more than `highest`."""
        costs = self.of(rows)
        return np.where(costs <= self.highest, scores / costs, 0.0)

    def computed(self, rows: Sequence[Row]) -> Array:
        """(n,) computed costs of candidates that can be built, such as those that have begun to train."""
        costs = [self._compute(self._first_variant(row)) for row in rows] if self.differs else [1.0] * len(rows)
        return np.array([1.0 if cost is None else cost for cost in costs])

    @property
    def highest(self) -> float:
        """Most that an epoch of a new training may cost; infinite where costs do not differ."""
        return math.inf if self._epoch_cost is None else self._epoch_cost.highest()

    def affordable(self, rows: Array, fraction: float = 1.0) -> tuple[Array, float]:
        """The candidates from which a new training is chosen, and the most that an epoch of it may cost.

        Args:
            rows: (n, fields) candidates, at least one.
            fraction: of those predicted to cost no more than `highest`, so many that cost least, at least one. All count if
                there are none.

        Returns:
            (m, fields) candidates in the order given, and the most.
        """
        highest = self.highest
        if not self.differs or (math.isinf(highest) and fraction == 1.0):
            return rows, highest
        costs = self.of(rows)
        kept = np.flatnonzero(costs <= highest)
        kept = kept if len(kept) else np.arange(len(rows))
        if fraction < 1.0:
            kept = np.sort(kept[np.argsort(costs[kept], kind="stable")[: max(1, round(fraction * len(kept)))]])
            highest = min(highest, float(costs[kept].max()))
        return rows[kept], highest

    def _compute(self, row: Row) -> float | None:
        return None if self._epoch_cost is None else self._epoch_cost.of(self._encoder.decode(row))
