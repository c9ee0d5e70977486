"""A sampler in one file: local search around the best parameters so far. See docs/extending-samplers.md."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution


class LocalSearch:
    """Changes one parameter of a random observed one; restarts at random where everything around is known.

    Args:
        distributions: parameter to distribution, categorical or integer.
        directions: "maximize" or "minimize" for each objective.
        seed: of the random numbers.
        rungs: epochs of each rung; the last is a full training.
    """

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], directions: Sequence[str], seed: int, rungs: Sequence[int]
    ) -> None:
        self._choices = {name: _choices(d) for name, d in distributions.items()}
        self._rungs, self._random = tuple(rungs), random.Random(seed)
        self._observed: dict[tuple[Any, ...], dict[str, Any]] = {}
        self._known: set[tuple[Any, ...]] = set()

    def observe(self, params: Mapping[str, Any], rung: int, values: Sequence[float]) -> None:
        if rung not in self._rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._rungs))}")
        if all(params.get(name) in choices for name, choices in self._choices.items()):
            self._known.add(self._key(params))
            self._observed[self._key(params)] = dict(params)

    def add_infeasible(self, params: Mapping[str, Any], violation: float = 1.0) -> None:
        if all(name in params for name in self._choices):
            self._known.add(self._key(params))

    def propose(self, running: Iterable[Mapping[str, Any]] = (), suspended: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
        taken = self._known | {self._key(params) for params in (*running, *suspended)}
        for attempt in range(1000):
            params = {name: self._random.choice(choices) for name, choices in self._choices.items()}
            if self._observed and attempt < 20:
                start = self._observed[self._random.choice(sorted(self._observed, key=repr))]
                changed = self._random.choice(list(self._choices))
                params = {name: params[name] if name == changed else start[name] for name in self._choices}
            if self._key(params) not in taken:
                break
        self._known.add(self._key(params))
        return params

    def _key(self, params: Mapping[str, Any]) -> tuple[Any, ...]:
        return tuple(params.get(name) for name in self._choices)


def _choices(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    assert isinstance(distribution, IntDistribution)
    return list(range(distribution.low, distribution.high + 1, distribution.step))
