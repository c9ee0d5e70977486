"""Divides the epochs of a training that prunes: train the whole network, remove channels, train the pruned network.

Decisions:
- With a recipe that may end after any epoch, the cut is made after `CUT_AFTER_EPOCHS`, however long the training is, or after
  half of a shorter one. Almost all rungs lie behind it, and only those compare the training with others.
- Such a training may be continued with another number of epochs. A cut that was made stays where it was made, which checkpoints
  hold; one that was not is made where a training of that many epochs makes it, or at once where that is past.
- With a cosine schedule the cut is made after half of the epochs. Each half has a whole schedule, from warm-up to the end of
  its cosine.
- After the cut the rate warms up again, to half of what it was.
- The cut is a function of the weights and the seed: a training killed in the middle of it makes it again from the last
  checkpoint. Once it is made, checkpoints hold it (`trainers.pruning.mask.PrunedChannels`).
- An auxiliary ends with the cut: it reads maps of the whole network.
- A training of one epoch is pruned at its end and not trained any further.
"""

from __future__ import annotations

from dataclasses import dataclass

from trainers.base.recipe import Recipe

CUT_AFTER_EPOCHS = 5
"""Epochs, of 2,000 to 4,000 lines each, before the cut of a training whose length is open.

By then a MobileNetV3 read 64 % of 200 codes (2 % after two epochs), so there is something to choose the cut by. Of
87 % that it read after ten epochs, a cut by 80 % left 53 % one epoch later and 84 % four epochs later, so four epochs lie
between this cut and the second rung of the default, nine. (One seed; the cuts themselves are still to be compared.)"""

SECOND_RATE = 0.5
"""Learning rate after the cut, as a fraction of the rate before it."""


@dataclass(frozen=True)
class Phases:
    """The phases of a training.

    Attributes:
        epochs: epochs of the whole training.
        cut_after: epochs before the cut, as planned or as it was made; None if nothing is pruned.
    """

    epochs: int
    cut_after: int | None = None

    @classmethod
    def of(cls, recipe: Recipe, epochs: int, prune_percent: int) -> Phases:
        """The phases of a training of so many epochs."""
        if not prune_percent:
            return cls(epochs)
        half = max(1, epochs // 2)
        return cls(epochs, min(CUT_AFTER_EPOCHS, half) if recipe.is_anytime else half)

    def is_cut_due(self, epoch: int) -> bool:
        """Whether a network that is not pruned yet after `epoch` epochs must be pruned now."""
        return self.cut_after is not None and epoch >= self.cut_after

    def is_comparable(self, epoch: int) -> bool:
        """Whether the accuracy after `epoch` epochs is that of the network that will be exported."""
        return self.cut_after is None or epoch > self.cut_after

    def rate(self, recipe: Recipe, epoch: float) -> float:
        """Learning rate after `epoch` epochs, which may be fractional."""
        if self.cut_after is None:
            return recipe.learning_rate_at(epoch, self.epochs)
        if epoch < self.cut_after:
            return recipe.learning_rate_at(epoch, self.cut_after)
        return SECOND_RATE * recipe.learning_rate_at(epoch - self.cut_after, self.epochs - self.cut_after)
