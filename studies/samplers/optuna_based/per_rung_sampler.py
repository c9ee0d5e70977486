"""Runs one of Optuna's samplers on the results of every rung: one Optuna study in memory for each rung
(`studies.optuna_internals.rung_study`).

Optuna ignores the values of a PRUNED trial, and telling it COMPLETE would mix values after 3 epochs with values after 27. The
study of a rung holds every trial that reached this rung, COMPLETE with its values there. The next proposal comes from the
deepest rung whose study has enough trials to learn from.

Decisions:
- Nothing is stored: the studies are rebuilt from the stored study when a search starts.
- Infeasible parameters (over a limit, refused, failed) are in the study of every rung, PRUNED with a constraint, so TPE avoids
  them. They are never FAIL, because samplers do not see failed trials. GPSampler and the genetic samplers of Optuna 5 look at
  COMPLETE trials alone: such parameters are only not proposed again.
- Running trainings are in the study that is asked, as running trials, so parallel workers are not sent to the same place
  (Optuna's constant liar).
- Parameters are in a study once, and are not proposed again while there are others: a sampler that repeats itself is asked
  again, and a proposal that is still a repetition is changed in as few fields as possible. So a small space is used up.
- Categories that are numbers (32, 48, 96) become an integer range of positions, so that neighbours are similar.
- A study that starts with trials in it uses another seed than an empty one: a resumed search does not repeat its start.

Use:

    sampler = PerRungSampler(distributions(space), DIRECTIONS, "tpe", seed, rungs=[1, 3, 9, 27])
    for each trial of the study: sampler.observe(params, rung, values) for every rung it reached, or add_infeasible(...)
    params = sampler.propose(running=[params of running trainings])
    ...
    sampler.observe(params, 3, [accuracy, size_bytes])      # in the directions given
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from functools import partial
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from studies.optuna_internals.rung_study import Direction, Key, Params, RungStudy, key_of
from studies.samplers.optuna_based.factory import LEARNING, make_sampler

RETRIES = 20
"""How often at most a sampler that repeats itself is asked again before its proposal is changed. The number is halved whenever
all retries were in vain, and doubled when one was not: in a converged study of thousands they nearly always are."""
LEAST_RETRIES = 2
"""How often at least: `RETRIES` never falls to 0, so it can rise again."""
MOST_NEIGHBOURS = 5000
"""How many combinations around a repetition are examined at most; it bounds the time of a proposal in a used-up space."""


class PerRungSampler:
    """Proposes parameters with one of Optuna's samplers, which learns from every rung.

    Args:
        distributions: parameter to distribution; every proposal has all parameters.
        directions: "maximize" or "minimize" for each objective.
        sampler_name: one of `studies.samplers.optuna_based.factory.SAMPLERS`.
        seed: seed of the sampler.
        rungs: epochs of each rung, rising.
        min_observations: different parameters with values that the study of a rung needs before it is asked.

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
        make = partial(make_sampler, sampler_name)
        self._studies = {rung: RungStudy(coded, directions, make, seed + 1009 * i) for i, rung in enumerate(rungs)}
        self._learns = sampler_name in LEARNING
        self._min_observations = min_observations
        self._known: set[Key] = set()
        self._running: dict[int, tuple[Params, Params | None]] = {}
        self._retries = RETRIES
        self._draw = random.Random(seed)

    def observe(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Adds the values of a trial at a rung; a second result of the same parameters is ignored.

        Args:
            params: value of every parameter. Those outside the space (known models of the warm start) are ignored.
            rung: epochs, one of the rungs.
            values: in the order and the directions of the objectives; a value that is not finite counts as infeasible.

        Raises:
            ValueError: not a rung.
        """
        if rung not in self._studies:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._studies))}")
        if not all(math.isfinite(value) for value in values):
            self.add_infeasible(params)
            return
        coded = self._coding.encode(params)
        if coded is not None:
            self._known.add(key_of(coded))
            self._studies[rung].add(coded, list(values))

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Adds parameters that exceed a limit, or cannot be trained.

        Args:
            params: value of every parameter.
            violation: by how much a limit is exceeded, above 0, relative to it (such as bytes / limit - 1).
        """
        coded = self._coding.encode(params)
        if coded is not None:
            self._known.add(key_of(coded))
            for study in self._studies.values():
                study.add_infeasible(coded, violation)

    def propose(self, running: Iterable[Params] = (), suspended: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try.

        They are a repetition only when a small space is used up; the caller handles that.

        Args:
            running: parameters of running trainings.
            suspended: parameters of trainings that are suspended at a rung; to the rungs above it they are running.
        """
        under_way = self._encoded(itertools.chain(running, suspended))
        study = self._studies[self.rung_asked()]
        study.set_running(under_way)
        taken = self._known | under_way.keys()
        for coded in itertools.islice(study.proposals(), 1 + self._retries):
            if key_of(coded) not in taken:
                self._retries = min(RETRIES, 2 * self._retries)
                study.take(coded)
                return self._coding.decode(coded)
        self._retries = max(LEAST_RETRIES, self._retries // 2)
        return self._coding.decode(self._nearest_free(coded, taken))

    def _encoded(self, running: Iterable[Params]) -> dict[Key, Params]:
        """Encoded parameters by key; encodings are kept between calls, since most suspended trials stay suspended."""
        before, self._running = self._running, {}
        for params in running:
            held = before.get(id(params)) or (
                params,
                self._coding.encode(params),
            )  # a reference is kept, so the id stays unique
            self._running[id(params)] = held
        return {key_of(coded): coded for _, coded in self._running.values() if coded is not None}

    def _nearest_free(self, coded: Params, taken: Set[Key]) -> Params:
        """Parameters that are not taken and differ in as few fields as possible, drawn at random; `coded` if all are taken."""
        met, ring = {key_of(coded)}, [coded]
        while ring and len(met) <= MOST_NEIGHBOURS:
            free = [params for params in ring if key_of(params) not in taken]
            if free:
                return self._draw.choice(free)
            around = {key_of(near): near for params in ring for near in self._coding.neighbours(params)}
            ring = [near for key, near in around.items() if key not in met]
            met |= around.keys()
        return coded

    def rung_asked(self) -> int:
        """The rung whose study makes the next proposal: the deepest with enough observations, otherwise the first."""
        rungs = list(self._studies)
        deep = [rung for rung in rungs if self._studies[rung].observations >= self._min_observations]
        return deep[-1] if deep and self._learns else rungs[0]

    def observations(self, rung: int) -> int:
        """Number of different parameters that have values at a rung."""
        return self._studies[rung].observations


class _Coding:
    """Converts between the parameters of a study and those that the sampler sees: positions instead of numeric categories."""

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
        """Parameters for the sampler; None when they lie outside the space."""
        if not all(name in params and _holds(distribution, params[name]) for name, distribution in self._given.items()):
            return None
        return {
            name: self._ordered[name].index(params[name]) if name in self._ordered else params[name] for name in self._given
        }

    def neighbours(self, coded: Params) -> Iterator[dict[str, Any]]:
        """Parameters that differ in one field: a number by one step up or down, a category by every other value."""
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


def _numbers(distribution: CategoricalDistribution) -> list[int | float] | None:
    """The sorted categories if all are numbers, otherwise None."""
    numbers = [choice for choice in distribution.choices if isinstance(choice, int | float) and not isinstance(choice, bool)]
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
