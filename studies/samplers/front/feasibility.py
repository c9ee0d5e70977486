"""Which candidates of the sampler `front` may train, and what they cost: exact, and worked out for few.

Decisions:
- What has been worked out is kept, so nothing is worked out twice; nothing is guessed here (`studies.samplers.front.surrogate`
  does that).
- What could not train casts doubt on its neighbours: limits that are only met or missed after training, and combinations that
  cannot be built, lie together.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from studies.samplers.front.encoding import Array, Row, SpaceEncoder
from studies.samplers.front.gaussian_process import apart
from studies.samplers.front.observations import evenly

Params = Mapping[str, Any]
Costs = Callable[[Params], tuple[Sequence[float], bool] | None]

NEAR_MISSES = 0.3
"""How far around what could not train its neighbours are doubted, in the unit encoder."""
COMPARED = 300
"""With how many of these at most a candidate is compared, and with how many of those that have trained."""


class KnownCosts(dict[Row, tuple[float, ...]]):
    """Row to costs.

    Attributes:
        rows: in their order, whatever the order in which they came.
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
        exact: positions of the objectives that are known before training.
        costs: parameters to the values of those and whether they keep within all limits; None for what cannot be built.
        limits: position to the most that is allowed, of some of those; minimised and evenly scaled.
        minimised: position and value of an objective to the value that is minimised and evenly scaled.
        taken: told of all that is turned away.

    Attributes:
        costs: row to the values of the objectives in `exact`, as far as they have been worked out.
        away: rows that may not train, or cannot.
    """

    def __init__(
        self,
        encoder: SpaceEncoder,
        exact: Sequence[int],
        costs: Costs | None,
        limits: Mapping[int, float],
        minimised: Callable[[int, float], float],
        taken: set[Row],
    ) -> None:
        self._encoder, self._costs_of, self._minimised = encoder, costs, minimised
        self.exact: tuple[int, ...] = tuple(exact) if costs is not None else ()
        self.limits = {k: minimised(k, limit) for k, limit in limits.items() if k in self.exact}
        self.costs = KnownCosts()
        self.away: set[Row] = set()
        self._away_in_order: list[Row] = []
        self._taken = taken

    def turn_away(self, row: Row) -> None:
        """Notes what may not train, or cannot."""
        if row not in self.away:
            insort(self._away_in_order, row)
        self.away.add(row)
        self._taken.add(row)

    def work_out(self, row: Row) -> bool:
        """Works the costs of a candidate out, unless that was done; whether it may train."""
        if self._costs_of is None or row in self.costs:
            return row not in self.away
        if row in self.away:
            return False
        found = self._costs_of(self._encoder.decode(row))
        if found is None:
            self.turn_away(row)
            return False
        values, fits = found
        self.costs[row] = tuple(self._minimised(k, value) for k, value in zip(self.exact, values, strict=True))
        if not fits:
            self.turn_away(row)
        return fits

    def trust(self, rows: Array, reached: Sequence[Row]) -> Array:
        """How likely it is that candidates may train, from those around that could not, and those that have reached a rung.

        Args:
            rows: (n, fields)
            reached: rows that have, in their order.

        Returns:
            (n,) shares.
        """
        if not self.away or not reached:
            return np.ones(len(rows))
        points = self._encoder.points(rows)

        def near(others: Sequence[Row]) -> Array:
            at = self._encoder.points(np.array([others[i] for i in evenly(len(others), COMPARED)]))
            close: Array = np.exp(-apart(points, at) / (2 * NEAR_MISSES**2)).sum(axis=1)
            return close * (len(others) / len(at))

        good = near(reached) + 0.1
        return good / (good + near(self._away_in_order))
