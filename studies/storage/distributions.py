"""Optuna's form of a space."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from studies.definition.joint_space import Choices, Value


def distributions(space: Choices) -> dict[str, BaseDistribution]:
    """Optuna's form of the open parameters: evenly spaced whole numbers as an integer range, everything else as categories."""
    return {field: _distribution(space.choices[field]) for field in space.open_fields}


def _distribution(choices: Sequence[Value]) -> BaseDistribution:
    numbers = [c for c in choices if isinstance(c, int)]
    if len(numbers) == len(choices):
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        if len(steps) == 1 and min(steps) > 0:
            return IntDistribution(numbers[0], numbers[-1], step=steps.pop())
    return CategoricalDistribution(tuple(choices))
