"""Costs of candidates that are known before training, and which candidates are feasible.

Decisions:
- Costs are computed at the first request and kept. Nothing is predicted here (`studies.samplers.front.surrogate` does that).
- Infeasible candidates lower the probability of feasibility around them: limits that only show after training, and
  combinations that cannot be built, lie together.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from studies.objectives.pareto import Array
from studies.samplers.front.encoding import Row, SpaceEncoder
from studies.samplers.front.gaussian_process import squared_distances
from studies.samplers.front.observations import evenly_spaced

Params = Mapping[str, Any]
CostFunction = Callable[[Params], tuple[Sequence[float], bool] | None]
"""Parameters to the objectives that are known before training, and whether all limits are kept; None: cannot be built."""

INFEASIBLE_LENGTHSCALE = 0.3
"""Distance in the unit cube over which an infeasible candidate lowers the probability of its neighbours."""
MAX_COMPARED = 300
"""Most infeasible, and most trained, rows with which a candidate is compared; it bounds the time in studies of thousands."""


class KnownCosts(dict[Row, tuple[float, ...]]):
    """Row to costs.

    Attributes:
        rows: sorted, so that nothing depends on the order in which they came.
    """

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[Row] = []

    def __setitem__(self, row: Row, costs: tuple[float, ...]) -> None:
        if row not in self:
            insort(self.rows, row)
        super().__setitem__(row, costs)


class Feasibility:
    """What is known of candidates before they train.

    Args:
        encoder: of the space.
        known_objectives: positions of the objectives that are known before training.
        cost_function: computes them; None: nothing is known before training.
        limits: position to the highest allowed value, for some of those.
        to_minimized: position and value of an objective to the value that is modelled: minimised, on a linear scale.
        taken: rows that are not proposed again; infeasible ones are added to it.

    Attributes:
        costs: row to the values of `known_objectives`, as far as they have been computed.
        infeasible: rows that may not train, or cannot be built.
        refused: those of them that `check` has found, so that none has been tried.
    """

    def __init__(
        self,
        encoder: SpaceEncoder,
        known_objectives: Sequence[int],
        cost_function: CostFunction | None,
        limits: Mapping[int, float],
        to_minimized: Callable[[int, float], float],
        taken: set[Row],
    ) -> None:
        self._encoder, self._cost_function, self._to_minimized = encoder, cost_function, to_minimized
        self.known_objectives: tuple[int, ...] = tuple(known_objectives) if cost_function is not None else ()
        self.limits = {k: to_minimized(k, limit) for k, limit in limits.items() if k in self.known_objectives}
        self.costs = KnownCosts()
        self.infeasible: set[Row] = set()
        self.refused: set[Row] = set()
        self._sorted_infeasible: list[Row] = []
        self._taken = taken

    def mark_infeasible(self, row: Row) -> None:
        """Notes that a row may not train, or cannot be built."""
        if row not in self.infeasible:
            insort(self._sorted_infeasible, row)
        self.infeasible.add(row)
        self._taken.add(row)

    def check(self, row: Row) -> bool:
        """Whether a row may train; computes its costs, unless that was done."""
        if self._cost_function is None or row in self.costs:
            return row not in self.infeasible
        if row in self.infeasible:
            return False
        found = self._cost_function(self._encoder.decode(row))
        if found is None:
            self._refuse(row)
            return False
        values, within_limits = found
        self.costs[row] = tuple(self._to_minimized(k, value) for k, value in zip(self.known_objectives, values, strict=True))
        if not within_limits:
            self._refuse(row)
        return within_limits

    def _refuse(self, row: Row) -> None:
        self.mark_infeasible(row)
        self.refused.add(row)

    def probability(self, rows: Array, trained: Sequence[Row]) -> Array:
        """(n,) probability that candidates may train, by kernel density: infeasible rows nearby against trained ones.

        Args:
            rows: (n, fields)
            trained: rows that have reached a rung, sorted.
        """
        if not self.infeasible or not trained:
            return np.ones(len(rows))
        points = self._encoder.to_unit_cube(rows)

        def density(others: Sequence[Row]) -> Array:
            sample = self._encoder.to_unit_cube(np.array([others[i] for i in evenly_spaced(len(others), MAX_COMPARED)]))
            close: Array = np.exp(-squared_distances(points, sample) / (2 * INFEASIBLE_LENGTHSCALE**2)).sum(axis=1)
            return close * (len(others) / len(sample))

        feasible = density(trained) + 0.1
        return feasible / (feasible + density(self._sorted_infeasible))
