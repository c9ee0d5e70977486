"""The first proposals of the sampler `front`, when there is nothing to foretell from: spread over the costs and the space.

Decisions:
- Those of one study lie at `TARGETS` of the range of the logarithm of the costs, so that a front has ends and a middle early.
- Among those that cost about right, the one farthest from what has been begun.
- Costs are worked out for a dozen and foretold from these for all others.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from studies.samplers.front.encoding import Array, Row, SpaceEncoder, row_of
from studies.samplers.front.feasibility import Feasibility
from studies.samplers.front.surrogate import chain_of_costs

FEW, MANY, LOOKS = 3, 8, 4
"""How many are spread out at first: where all are trained to the end, and at most; a quarter of a training may be spent."""
POOL, INNER = 96, 3
"""Of how many each is picked, and how many of the first keep away from the edges of a space without costs."""
LOOKED_AT, TRIED = 12, 8
"""Of how many candidates the costs are worked out before the first proposal, and of how many to find one that may train."""
TARGETS = (0.4, 0.1, 0.7, 0.25, 0.55, 0.0, 0.85, 0.3)
"""Where the first ones lie in the range of the logarithm of the costs."""


def beginning(rungs: Sequence[int]) -> tuple[int, int]:
    """How many are spread out over the space at first, and how many of them are trained straight to the end.

    Where the first rung comes early, many can be looked at for a fraction of a training, and one finished one will do.
    """
    looks = round(rungs[-1] / rungs[0] / LOOKS) if len(rungs) > 1 else 0
    return (min(MANY, 1 + looks), 1) if looks > FEW else (FEW, FEW)


class InitialDesign:
    """Fills gaps.

    Args:
        encoder: of the space.
        feasibility: what candidates cost.
    """

    def __init__(self, encoder: SpaceEncoder, feasibility: Feasibility) -> None:
        self._encoder, self._feasibility = encoder, feasibility

    def pick(self, candidates: Array, begun: Sequence[Row], number: int, by: Generator) -> Row:
        """One that fills a gap: in the range of the costs where there are any, and in the space.

        Args:
            candidates: (n, fields), at least one.
            begun: rows of all that has been begun.
            number: of trainings that these are.
            by: source of chance.
        """
        pool = candidates[by.permutation(len(candidates))[:POOL]]
        points = self._encoder.points(pool)
        room = np.full(len(pool), math.inf)
        if self._feasibility.exact:
            self._look_at_costs(pool)
            room = self._near_target(pool, number)
        elif number < INNER:
            room = 2.0 * np.minimum(points, 1.0 - points).min(axis=1, initial=1.0)
        if begun:
            others = self._encoder.points(np.array(begun))
            room = np.minimum(room, np.sqrt(((points[:, None] - others[None]) ** 2).sum(axis=2)).min(axis=1))
        order = np.argsort(-room, kind="stable")
        allowed = (row for i in order[:TRIED] if self._feasibility.work_out(row := row_of(pool[i])))
        return next(allowed, row_of(pool[order[0]]))

    def _look_at_costs(self, pool: Array) -> None:
        """Works the costs of some candidates out, so that those of others can be foretold."""
        known = len(self._feasibility.costs)
        for row in pool[: LOOKED_AT - known] if known < LOOKED_AT else ():
            self._feasibility.work_out(row_of(row))

    def _near_target(self, pool: Array, number: int) -> Array:
        """(n,) infinite for the candidates whose costs are nearest to where the next of the first ones is to be, else 0."""
        points, exact = self._encoder.points(pool), self._feasibility.exact
        chains = [chain_of_costs(self._encoder, self._feasibility.costs, place) for place in range(len(exact))]
        costs = np.stack([chain.predict(points)[0] for chain in chains], axis=1)
        fits = np.ones(len(pool), dtype=bool)
        for k, limit in self._feasibility.limits.items():
            fits &= costs[:, exact.index(k)] <= limit
        low, high = costs[fits].min(axis=0, initial=math.inf), costs[fits].max(axis=0, initial=-math.inf)
        place = ((costs - low) / np.where(high > low, high - low, 1.0)).mean(axis=1)
        off = np.where(fits, np.abs(place - TARGETS[number % len(TARGETS)]), math.inf)
        room = np.zeros(len(pool))
        room[np.argsort(off, kind="stable")[: max(4, len(pool) // 8)]] = math.inf
        return room
