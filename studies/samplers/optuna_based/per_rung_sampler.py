"""What a sampler should know of trainings that were stopped: one in-memory Optuna study per rung
(`studies.samplers.optuna_based.rung_study`).

Optuna forgets what a PRUNED trial has measured, and to tell it COMPLETE would mix values of 3 epochs with values of 27. A
*view* of a rung is a small study in memory that holds every trial that reached this rung, COMPLETE with its values there.
The next proposal is asked of the deepest view that has enough trials to learn from.

Decisions:
- Nothing is stored: the views are rebuilt from the true study when a search starts.
- What may not train (over budget, refused) is in every view, PRUNED with a constraint: samplers then keep away from it. A
  failure is PRUNED likewise, never FAIL, which samplers do not see.
- Of a training that is under way every view asked knows the parameters, so that parallel workers are not sent to the same
  place (Optuna's constant liar).
- A set of parameters is in a view once, and is not proposed again while there is anything else: a sampler that repeats itself
  is asked again, and what it then still repeats is changed in as few fields as will do. A small space is used up this way.
- Whole numbers written as categories (32, 48, 96) are shown to the sampler in their order: neighbours are alike.
- Views that start with trials in them take another seed than empty ones: a resumed search does not repeat its start.

Use:

    views = PerRungSampler(distributions(space), DIRECTIONS, "tpe", seed, rungs=[1, 3, 9, 27])
    for each trial of the study: views.add(params, rung, values) for every rung it reached, or views.add_infeasible(...)
    params = views.propose(running=[params of trainings under way])
    ...
    views.add(params, 3, [accuracy, size_bytes])      # in the directions given
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from studies.samplers.optuna_based.factory import LEARNING
from studies.samplers.optuna_based.rung_study import Direction, Key, Params, RungStudy, key_of

RETRIES, LEAST_RETRIES = 20, 2
"""How often a sampler that repeats itself is asked again before its idea is changed: half as often when the last time was in
vain, twice as often when it was not. In a study of thousands that has converged it nearly always is."""
MOST_LOOKED_AT = 5000
"""How many combinations around a repeated one are looked at for one that is new."""


class PerRungSampler:
    """Proposals that learn from every rung.

    Args:
        distributions: parameter to distribution; flat, each is asked for every time.
        directions: of the values, "maximize" or "minimize" each.
        sampler_name: one of `studies.samplers.optuna_based.factory.SAMPLERS`.
        seed: of the sampler.
        rungs: epochs of each rung, rising.
        min_observations: different parameters that a view must hold to be asked.

    Raises:
        UserError: no sampler has that name.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        directions: Sequence[Direction],
        sampler_name: str = "tpe",
        seed: int = 0,
        rungs: Sequence[int] = (1,),
        min_observations: int = 12,
    ) -> None:
        self._coding = _Coding(distributions)
        coded = self._coding.distributions
        self._views = {rung: RungStudy(coded, directions, sampler_name, seed + 1009 * i) for i, rung in enumerate(rungs)}
        self._learns = sampler_name in LEARNING
        self._min_observations = min_observations
        self._known: set[Key] = set()
        self._under_way: dict[int, tuple[Params, Params | None]] = {}
        self._retries = RETRIES
        self._draw = random.Random(seed)

    def add(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Notes what parameters have reached at a rung; only the first time counts.

        Args:
            params: value of every parameter. Known models from outside the space are passed over.
            rung: epochs, one of the rungs.
            values: in the order and the directions of the objectives; a value that is not finite counts as infeasible.

        Raises:
            ValueError: not a rung.
        """
        if rung not in self._views:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._views))}")
        if not all(math.isfinite(value) for value in values):
            self.add_infeasible(params)
            return
        coded = self._coding.encode(params)
        if coded is not None:
            self._known.add(key_of(coded))
            self._views[rung].add(coded, list(values))

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Notes parameters that may not train, or cannot.

        Args:
            params: value of every parameter.
            violation: by how much a limit is exceeded, above 0, in one unit for all (such as bytes / limit - 1).
        """
        coded = self._coding.encode(params)
        if coded is not None:
            self._known.add(key_of(coded))
            for view in self._views.values():
                view.add_infeasible(coded, violation)

    def propose(self, running: Iterable[Params] = (), waiting: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try.

        They are a repetition only when a small space is used up: the caller decides what to do then.

        Args:
            running: parameters of trainings under way.
            waiting: of those that wait at a rung, which are under way to those above it.
        """
        under_way = self._encoded(itertools.chain(running, waiting))
        view = self._views[self.rung_asked()]
        view.set_running(under_way)
        taken = self._known | under_way.keys()
        for coded in itertools.islice(view.ideas(), 1 + self._retries):
            if key_of(coded) not in taken:
                self._retries = min(RETRIES, 2 * self._retries)
                view.take(coded)
                return self._coding.decode(coded)
        self._retries = max(LEAST_RETRIES, self._retries // 2)
        return self._coding.decode(self._nearest_free(coded, taken))

    def _encoded(self, running: Iterable[Params]) -> dict[Key, Params]:
        """What is under way, by key; of thousands that wait at a rung, most were so the last time."""
        before, self._under_way = self._under_way, {}
        for params in running:
            held = before.get(id(params)) or (params, self._coding.encode(params))  # held on to, so that its id stays its own
            self._under_way[id(params)] = held
        return {key_of(coded): coded for _, coded in self._under_way.values() if coded is not None}

    def _nearest_free(self, coded: Params, taken: Set[Key]) -> Params:
        """What is not taken and differs in as few fields as possible, one of them by chance; `coded` itself if all is taken."""
        met, ring = {key_of(coded)}, [coded]
        while ring and len(met) <= MOST_LOOKED_AT:
            free = [params for params in ring if key_of(params) not in taken]
            if free:
                return self._draw.choice(free)
            around = {key_of(near): near for params in ring for near in self._coding.neighbours(params)}
            ring = [near for key, near in around.items() if key not in met]
            met |= around.keys()
        return coded

    def rung_asked(self) -> int:
        """The rung whose view the next proposal comes from: the deepest with enough observations, otherwise the first."""
        rungs = list(self._views)
        deep = [rung for rung in rungs if self._views[rung].observations >= self._min_observations]
        return deep[-1] if deep and self._learns else rungs[0]

    def observations(self, rung: int) -> int:
        """How many different parameters have values at a rung."""
        return self._views[rung].observations


class _Coding:
    """Between the parameters of a study and those shown to the sampler: positions instead of numbers in lists."""

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

    def decode(self, coded: Params) -> dict[str, Any]:
        return {name: self._ordered[name][coded[name]] if name in self._ordered else coded[name] for name in self._given}


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
