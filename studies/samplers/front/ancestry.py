"""How much training each candidate inherits, as one more input of the learning-curve regression.

A network that begins with the weights of another one is further after three epochs than one that begins with random weights.
Without this input the regression would take the difference for a merit of the architecture: what was proposed late in a study
would look better than what was proposed early, and an architecture with 60 epochs of ancestors like one that learns fast. With
it, the regression learns from the trials themselves what inherited training is worth, and predicts all new candidates with what
a new one would inherit now.

The input is the logarithm of 1 + the epochs of all ancestors times the share that was inherited: the first epochs of ancestors
bring the most, as the first epochs of any training do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

MANY_EPOCHS = 100.0
"""Inherited epochs that lie at 1, as the end of any other range does: more than the ancestors of most networks had."""


@dataclass(frozen=True)
class Ancestry:
    """What is known of inherited training, as numbers that `inherited_training` returned.

    Attributes:
        of: of a training, by its parameters; 0 if it began with random weights.
        expected: of a new training, if it started now.
    """

    of: Callable[[Mapping[str, Any]], float]
    expected: Callable[[], float]


def inherited_training(epochs: int, share: float) -> float:
    """The input of the regression, 0 and up.

    Args:
        epochs: that all ancestors were trained.
        share: that was inherited, in [0, 1].
    """
    return math.log1p(epochs * share) / math.log1p(MANY_EPOCHS)
