"""Candidates of the sampler `front`: the rows among which it looks for its next proposal.

Decisions:
- Every row of a small space; random rows and neighbours of the best trainings in a large one.
- Near the end of a search only children of neighbours on the front, as long as there are new ones.
"""

from __future__ import annotations

from collections.abc import Set

import numpy as np
from numpy.random import Generator

from studies.objectives.pareto import Array
from studies.samplers.front.encoding import Row, SpaceEncoder, without
from studies.samplers.front.surrogate import Surrogate

MAX_ENUMERATED = 2000
"""Largest space of which every candidate is scored."""
RANDOM_CANDIDATES = 400
"""Random candidates of a larger space."""
NEIGHBOR_CANDIDATES = 600
"""Neighbours of the best trainings among the candidates of a larger space."""
NEIGHBOR_PARENTS = 20
"""Least number of trainings whose neighbours these are: all that are on the front of the predictions, and the next best."""
STEP_SIZES = (0.3, 0.1, 0.03, 0.01)
"""Standard deviations of the steps to neighbours, as fractions of a parameter's range: across it, and ever nearer."""
REFINED_CANDIDATES = 20
"""Number of best candidates of a large space whose neighbours are scored in a second round, without the longest steps."""


class Candidates:
    """Rows that may be proposed.

    Args:
        encoder: of the space.

    Attributes:
        near_front: whether only children of neighbours on the front are candidates, as long as there are new ones.
    """

    def __init__(self, encoder: SpaceEncoder) -> None:
        self._encoder, self.near_front = encoder, False
        self._every_row = encoder.all_rows() if encoder.size <= MAX_ENUMERATED else None

    def rows(self, surrogate: Surrogate, taken: Set[Row], rng: Generator) -> Array:
        """(n, fields) candidates that are not taken."""
        if self.near_front and surrogate.ready and len(children := without(self.children(surrogate, rng), taken)):
            return children
        if self._every_row is not None:
            return without(self._every_row, taken)
        rows = [self._encoder.sample(RANDOM_CANDIDATES, rng)]
        if surrogate.ready:
            best = surrogate.best_rows(NEIGHBOR_PARENTS)
            parents = best[rng.integers(len(best), size=NEIGHBOR_CANDIDATES)]
            rows.append(self._encoder.perturb(parents, rng, rng.choice(STEP_SIZES, size=(NEIGHBOR_CANDIDATES, 1))))
        return without(np.unique(np.concatenate(rows), axis=0), taken)

    def refined(self, candidates: Array, scores: Array, taken: Set[Row], rng: Generator) -> Array:
        """(n, fields) neighbours of the best candidates of a large space; none where nothing else is left to be scored.

        Args:
            candidates: (n, fields)
            scores: (n,) their acquisition.
            taken: rows that may not be proposed.
            rng: source of randomness.
        """
        if self._every_row is not None or self.near_front:
            return candidates[:0]
        parents = candidates[np.argsort(-scores, kind="stable")[:REFINED_CANDIDATES].repeat(10)]
        more = self._encoder.perturb(parents, rng, rng.choice(STEP_SIZES[1:], size=(len(parents), 1)))
        return without(np.unique(more, axis=0), taken)

    def children(self, surrogate: Surrogate, rng: Generator) -> Array:
        """(n, fields) rows between two neighbours on the front of the predictions, and neighbours of those."""
        front = surrogate.front_rows()
        first = rng.integers(max(1, len(front) - 1), size=NEIGHBOR_CANDIDATES)
        between = self._encoder.cross(front[first], front[np.minimum(first + 1, len(front) - 1)], rng)
        steps = rng.choice(STEP_SIZES[1:], size=(NEIGHBOR_CANDIDATES, 1))
        return np.unique(np.concatenate([between, self._encoder.perturb(between, rng, steps)]), axis=0)
