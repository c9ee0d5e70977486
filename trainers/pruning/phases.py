"""How the epochs of a training that prunes are shared: train whole, cut, train on what is left.

Decisions:
- The cut is made after half of the epochs. Each half has a whole curve of the learning rate, from warm-up to the end of its
  cosine, so what is cut has settled; the second begins at half the rate.
- The cut is a function of the weights and the seed: a training killed in the middle of it makes it again from the last
  checkpoint. Once it is made, checkpoints hold it (`trainers.pruning.mask.PrunedChannels`).
- An auxiliary ends with the first half: it reads maps of the whole network.
- A training of one epoch is cut at its end and not trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainers.base.recipe import Recipe

SECOND_RATE = 0.5
"""Learning rate of the second half, in shares of the first's."""


@dataclass(frozen=True)
class Phases:
    """Where the cut lies.

    Attributes:
        epochs: of the whole training.
        cut_after: epochs before the cut; None when nothing is cut.
    """

    epochs: int
    cut_after: int | None = None

    @classmethod
    def of(cls, epochs: int, prune_percent: int) -> Phases:
        """The phases of a training of so many epochs."""
        return cls(epochs, max(1, epochs // 2) if prune_percent else None)

    def rate(self, recipe: Recipe, epoch: float) -> float:
        """Learning rate after `epoch` epochs, fractions too."""
        if self.cut_after is None:
            return recipe.learning_rate_at(epoch, self.epochs)
        if epoch < self.cut_after:
            return recipe.learning_rate_at(epoch, self.cut_after)
        return SECOND_RATE * recipe.learning_rate_at(epoch - self.cut_after, self.epochs - self.cut_after)
