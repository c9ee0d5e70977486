"""Every combination of values of a small search space, in random order."""

from __future__ import annotations

import itertools
import random

from studies.definition.joint_space import Choices, Value

ENUMERABLE = 20_000
"""Number of combinations up to which a space is enumerated: looking each one up takes a few seconds then."""


def shuffled_params(space: Choices, seed: int) -> list[dict[str, Value]]:
    """Values of the open parameters of every combination of a space, also of those that cannot be built.

    Args:
        space: the space, of at most `ENUMERABLE` combinations.
        seed: of the order.
    """
    fields = space.open_fields
    combinations = itertools.product(*(space.choices[field] for field in fields))
    everything = [dict(zip(fields, values, strict=True)) for values in combinations]
    random.Random(seed).shuffle(everything)
    return everything
