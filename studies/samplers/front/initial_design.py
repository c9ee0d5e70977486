"""Initial design: the first proposals, space-filling over the parameters and over the range of costs.

Decisions:
- The first candidates lie at `COST_TARGETS` of the range of log costs, so that a front has ends and a middle early.
- Among candidates at about that cost, the one farthest from everything begun is taken (maximin distance).
- Costs are computed for a dozen candidates and predicted from those for all others.
- Where time is limited, the first ones are among those that train fastest: a front has its first point early.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.random import Generator

from studies.objectives.pareto import Array
from studies.samplers.front.encoding import Row, SpaceEncoder, to_row
from studies.samplers.front.feasibility import Feasibility
from studies.samplers.front.surrogate import cost_surrogate
from studies.samplers.front.training_cost import TrainingCost

MIN_SIZE = 3
"""Trainings of the initial design where all of them are trained to the end: the least that shows a trend and its ends."""
MAX_SIZE = 8
"""Most trainings of the initial design: more delayed the first proposals of the model in benchmarks/search_efficiency."""
BUDGET_DIVISOR = 4
"""The first rungs of the initial design may cost one in so many of the epochs of a full training."""
POOL_SIZE = 96
"""Random candidates from which each is chosen."""
INTERIOR = 3
"""So many of the first keep away from the edges of a space without costs, where a model extrapolates least."""
COST_SAMPLES = 12
"""Candidates whose costs are computed before the first proposal, so that those of others can be predicted."""
MAX_CHECKS = 8
"""Candidates of which it is checked whether they are feasible, before the first one is taken unchecked."""
COST_TARGETS = (0.4, 0.1, 0.7, 0.25, 0.55, 0.0, 0.85, 0.3)
"""Where the first candidates lie in the range of log costs: the middle, then the ends, then the gaps."""

FAST_FRACTIONS = (1 / 2, 1 / 3, 1 / 3)
"""The first candidates are among such fractions of the fastest to train where time is limited. With a third for the first one,
too, the best reader of benchmarks/any_clock was too small; further ones would leave gaps in the range."""


def initial_design_size(rungs: Sequence[int]) -> tuple[int, int]:
    """Trainings of the initial design, and how many of them are trained straight to the end.

    Where the first rung comes early, many can be tried for a fraction of a training, and one that is finished will do.

    Args:
        rungs: epochs of each rung, rising.
    """
    affordable = round(rungs[-1] / rungs[0] / BUDGET_DIVISOR) if len(rungs) > 1 else 0
    return (min(MAX_SIZE, 1 + affordable), 1) if affordable > MIN_SIZE else (MIN_SIZE, MIN_SIZE)


class InitialDesign:
    """Chooses candidates that fill gaps.

    Args:
        encoder: of the space.
        feasibility: costs of candidates.
        training_cost: what it costs to train them.
    """

    def __init__(self, encoder: SpaceEncoder, feasibility: Feasibility, training_cost: TrainingCost) -> None:
        self._encoder, self._feasibility, self._training_cost = encoder, feasibility, training_cost

    def select(self, candidates: Array, begun: Sequence[Row], number: int, rng: Generator) -> Row:
        """The candidate at the next cost target that is farthest from everything begun.

        Args:
            candidates: (n, fields), at least one.
            begun: rows of everything begun.
            number: trainings that these are, precision variants not counted.
            rng: source of randomness.
        """
        pool = candidates[rng.permutation(len(candidates))[:POOL_SIZE]]
        fraction = FAST_FRACTIONS[number] if number < len(FAST_FRACTIONS) else 1.0
        pool, highest = self._training_cost.affordable(pool, fraction)
        points = self._encoder.to_unit_cube(pool)
        room = np.full(len(pool), math.inf)  # (pool,) distance to the nearest of what is begun
        if self._feasibility.known_objectives:
            self._sample_costs(pool)
            room = self._near_target(pool, number)
        elif number < INTERIOR:
            room = 2.0 * np.minimum(points, 1.0 - points).min(axis=1, initial=1.0)
        if begun:
            others = self._encoder.to_unit_cube(np.array(begun))
            room = np.minimum(room, np.sqrt(((points[:, None] - others[None]) ** 2).sum(axis=2)).min(axis=1))
        order = np.argsort(-room, kind="stable")
        rows = [row for i in order[:MAX_CHECKS] if self._feasibility.check(row := to_row(pool[i]))]
        cheap = (row for row in rows if self._training_cost.computed([row])[0] <= highest)
        return next(cheap, next(iter(rows), to_row(pool[order[0]])))

    def _sample_costs(self, pool: Array) -> None:
        """Computes the costs of some candidates, so that those of others can be predicted."""
        known = len(self._feasibility.costs)
        for row in pool[: COST_SAMPLES - known] if known < COST_SAMPLES else ():
            self._feasibility.check(to_row(row))

    def _near_target(self, pool: Array, number: int) -> Array:
        """(n,) infinite for the candidates whose predicted costs are nearest to the next target, else 0."""
        points, known = self._encoder.to_unit_cube(pool), self._feasibility.known_objectives
        models = [cost_surrogate(self._encoder, self._feasibility.costs, index) for index in range(len(known))]
        costs = np.stack([model.predict(points)[0] for model in models], axis=1)  # (n, known objectives)
        fits = np.ones(len(pool), dtype=bool)
        for k, limit in self._feasibility.limits.items():
            fits &= costs[:, known.index(k)] <= limit
        low, high = costs[fits].min(axis=0, initial=math.inf), costs[fits].max(axis=0, initial=-math.inf)
        relative = ((costs - low) / np.where(high > low, high - low, 1.0)).mean(axis=1)
        off = np.where(fits, np.abs(relative - COST_TARGETS[number % len(COST_TARGETS)]), math.inf)
        room = np.zeros(len(pool))
        room[np.argsort(off, kind="stable")[: max(4, len(pool) // 8)]] = math.inf
        return room
