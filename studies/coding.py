"""Parameters of a study as numbers: positions in ordered lists for samplers, points of the unit cube for regressions.

Decisions:
- Whole numbers written as categories (32, 48, 96) have an order: neighbours are alike.
- In the unit cube an ordered field takes one column, evenly spaced by position; a category takes one column a choice, so
  that any two choices are equally far apart, and as far as the ends of an ordered field.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

Params = Mapping[str, Any]
Key = tuple[Any, ...]


def key_of(coded: Params) -> Key:
    """What tells one set of parameters from another."""
    return tuple(coded.values())


class Coding:
    """Between the parameters of a study and their coded form, which has positions instead of numbers in lists.

    Args:
        given: parameter to distribution.
    """

    def __init__(self, given: Mapping[str, BaseDistribution]) -> None:
        self._given = dict(given)
        self._ordered = {
            name: numbers
            for name, d in given.items()
            if isinstance(d, CategoricalDistribution) and (numbers := _numbers(d)) is not None
        }
        self.distributions: dict[str, BaseDistribution] = dict(given)
        for name, choices in self._ordered.items():
            self.distributions[name] = IntDistribution(0, len(choices) - 1)

    def encode(self, params: Params) -> dict[str, Any] | None:
        """None when they do not lie in the space."""
        if not all(name in params and _holds(distribution, params[name]) for name, distribution in self._given.items()):
            return None
        return {
            name: self._ordered[name].index(params[name]) if name in self._ordered else params[name] for name in self._given
        }

    def decode(self, coded: Params) -> dict[str, Any]:
        """The other way round."""
        return {name: self._ordered[name][coded[name]] if name in self._ordered else coded[name] for name in self._given}

    def neighbours(self, coded: Params) -> Iterator[dict[str, Any]]:
        """What differs in one field; a number is moved by one step, up or down, anything else takes every other value."""
        for name, distribution in self.distributions.items():
            if isinstance(distribution, CategoricalDistribution):
                others = [choice for choice in distribution.choices if choice != coded[name]]
            elif isinstance(distribution, IntDistribution):
                moved = (coded[name] - distribution.step, coded[name] + distribution.step)
                others = [value for value in moved if distribution.low <= value <= distribution.high]
            else:
                others = []
            for value in others:
                yield {**coded, name: value}


class Cube:
    """Coded parameters as points of the unit cube.

    Args:
        distributions: the coded ones, see `Coding`.

    Attributes:
        groups: (columns,) which field each column belongs to, by position.
        size: how many different points there are; infinite when a field is continuous.
    """

    def __init__(self, distributions: Mapping[str, BaseDistribution]) -> None:
        self._distributions = dict(distributions)
        widths = [len(d.choices) if isinstance(d, CategoricalDistribution) else 1 for d in distributions.values()]
        self.groups = np.repeat(np.arange(len(widths)), widths)
        self.size = math.prod(_count(d) for d in distributions.values())

    def points(self, coded: list[dict[str, Any]]) -> NDArray[np.float64]:
        """(n, columns) of n sets of parameters."""
        rows = np.zeros((len(coded), len(self.groups)))
        column = 0
        for name, d in self._distributions.items():
            if isinstance(d, CategoricalDistribution):
                places = {choice: i for i, choice in enumerate(d.choices)}
                rows[np.arange(len(coded)), [column + places[c[name]] for c in coded]] = math.sqrt(0.5)
                column += len(d.choices)
            else:
                rows[:, column] = [_position(d, c[name]) for c in coded]
                column += 1
        return rows

    def everything(self) -> Iterator[dict[str, Any]]:
        """Every set of parameters of a finite space."""
        rows: list[dict[str, Any]] = [{}]
        for name, d in self._distributions.items():
            values = d.choices if isinstance(d, CategoricalDistribution) else range(d.low, d.high + 1, d.step)  # type: ignore[attr-defined]
            rows = [{**row, name: value} for row in rows for value in values]
        yield from rows

    def draw(self, by: random.Random) -> dict[str, Any]:
        """A random set of parameters."""
        return {name: _drawn(d, by.random()) for name, d in self._distributions.items()}

    def moved(self, coded: Params, by: random.Random, reach: float) -> dict[str, Any]:
        """A near one: at least one field changed, numbers by about `reach` of their range."""
        names = list(self._distributions)
        chosen = {by.choice(names), *(name for name in names if by.random() < 1.0 / len(names))}
        near = dict(coded)
        for name in chosen:
            d = self._distributions[name]
            if isinstance(d, CategoricalDistribution):
                near[name] = by.choice(d.choices)
            else:
                step = _step(d)
                move = by.gauss(0.0, max(reach, step))
                position = min(1.0, max(0.0, _position(d, coded[name]) + math.copysign(max(abs(move), step), move)))
                near[name] = _drawn(d, position, exact=True)
        return near


def _numbers(distribution: CategoricalDistribution) -> list[int] | None:
    """The categories in their order if they are whole numbers, otherwise None."""
    numbers = [choice for choice in distribution.choices if isinstance(choice, int) and not isinstance(choice, bool)]
    return sorted(numbers) if len(numbers) == len(distribution.choices) else None


def _holds(distribution: BaseDistribution, value: Any) -> bool:
    """Whether a value lies in a distribution."""
    if isinstance(distribution, CategoricalDistribution):
        return value in distribution.choices
    if isinstance(distribution, IntDistribution):
        inside = isinstance(value, int) and distribution.low <= value <= distribution.high
        return inside and (value - distribution.low) % distribution.step == 0
    if isinstance(distribution, FloatDistribution):
        return isinstance(value, int | float) and distribution.low <= value <= distribution.high
    return False


def _count(d: BaseDistribution) -> float:
    if isinstance(d, CategoricalDistribution):
        return len(d.choices)
    if isinstance(d, IntDistribution):
        return (d.high - d.low) // d.step + 1
    return 1.0 if d.single() else math.inf


def _step(d: BaseDistribution) -> float:
    """Between neighbours, as a share of the range; 0 for continuous fields."""
    return 1.0 / max(1.0, _count(d) - 1) if isinstance(d, IntDistribution) else 0.0


def _position(d: BaseDistribution, value: float) -> float:
    """Where in its range, from 0 to 1, a number lies."""
    low, high = d.low, d.high  # type: ignore[attr-defined]
    if high <= low:
        return 0.0
    if d.log:  # type: ignore[attr-defined]
        return (math.log(value) - math.log(low)) / (math.log(high) - math.log(low))
    return float((value - low) / (high - low))


def _drawn(d: BaseDistribution, share: float, exact: bool = False) -> Any:
    """The value at a share from 0 to 1 of a distribution.

    Args:
        d: any distribution.
        share: of its range, or of its choices.
        exact: of whole numbers the nearest one; otherwise all are equally wide.
    """
    if isinstance(d, CategoricalDistribution):
        return d.choices[min(len(d.choices) - 1, int(share * len(d.choices)))]
    low, high = d.low, d.high  # type: ignore[attr-defined]
    if isinstance(d, IntDistribution) and not d.log:
        count = (high - low) // d.step + 1
        place = round(share * (count - 1)) if exact else min(count - 1, int(share * count))
        return low + place * d.step
    value = math.exp(math.log(low) + share * (math.log(high) - math.log(low))) if d.log else low + share * (high - low)  # type: ignore[attr-defined]
    value = min(high, max(low, value))
    return min(high, max(low, round(value))) if isinstance(d, IntDistribution) else value
