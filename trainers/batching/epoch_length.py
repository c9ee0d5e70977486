"""How many lines an epoch shows: every training line once, unless there are very few or very many of them.

An epoch is what a training reports, saves and is compared by. So it has to be long enough to learn something, and short enough
for a search with 100,000 lines to compare its candidates within minutes. The recipe says between which numbers of lines.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from trainers.base.recipe import Recipe
from trainers.batching.batch_planner import BatchPlanner, PlannedBatch


@dataclass(frozen=True)
class EpochLength:
    """The length of an epoch; one of the two numbers is 1.

    Attributes:
        passes: how often an epoch shows each training line.
        parts: how many epochs it takes to show each training line once.
    """

    passes: int = 1
    parts: int = 1

    @classmethod
    def of(cls, recipe: Recipe, lines: int) -> EpochLength:
        """The length that a recipe asks for.

        Args:
            recipe: with `min_epoch_lines` and `max_epoch_lines`.
            lines: number of training lines, at least 1.
        """
        if lines < recipe.min_epoch_lines:
            return cls(passes=math.ceil(recipe.min_epoch_lines / lines))
        return cls(parts=math.ceil(lines / recipe.max_epoch_lines) if recipe.max_epoch_lines else 1)

    def lines(self, training_lines: int) -> int:
        """Lines that an epoch shows."""
        return training_lines * self.passes // self.parts

    def batches(self, planner: BatchPlanner, seed: int, epoch: int, rng: np.random.Generator) -> list[PlannedBatch]:
        """The batches of an epoch, in their order.

        Args:
            planner: over all training lines.
            seed: of the training.
            epoch: number of the epoch, from 0.
            rng: random numbers of the epoch; they order its lines, unless it is a part of a longer pass.
        """
        if self.parts == 1:
            return [batch for _ in range(self.passes) for batch in planner.plan(rng)]
        number, part = divmod(epoch, self.parts)
        whole = planner.plan_of_pass(seed, number, self.parts)
        return whole[part * len(whole) // self.parts : (part + 1) * len(whole) // self.parts]
