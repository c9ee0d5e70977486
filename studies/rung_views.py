"""What a sampler should know of trainings that were stopped: one in-memory Optuna study per rung.

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

    views = RungViews(distributions(space), DIRECTIONS, "tpe", seed, rungs=[1, 3, 9, 27])
    for each trial of the study: views.add(params, rung, values) for every rung it reached, or views.add_infeasible(...)
    params = views.propose(running=[params of trainings under way])
    ...
    views.add(params, 3, [accuracy, size_bytes])      # in the directions given
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.samplers import BaseGASampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.samplers import LEARNING, make_sampler

Params = Mapping[str, Any]
Direction = Literal["minimize", "maximize"] | StudyDirection
_Key = tuple[Any, ...]

RETRIES = 20
"""How often a sampler that repeats itself is asked again before its idea is changed."""
MOST_LOOKED_AT = 5000
"""How many combinations around a repeated one are looked at for one that is new."""


class RungViews:
    """Proposals that learn from every rung.

    Args:
        distributions: parameter to distribution; flat, each is asked for every time.
        directions: of the values, "maximize" or "minimize" each.
        sampler_name: one of `studies.samplers.SAMPLERS`.
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
        self._views = {rung: _View(coded, directions, sampler_name, seed + 1009 * i) for i, rung in enumerate(rungs)}
        self._learns = sampler_name in LEARNING
        self._min_observations = min_observations
        self._known: set[_Key] = set()
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
            self._known.add(_key(coded))
            self._views[rung].add(coded, list(values))

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Notes parameters that may not train, or cannot.

        Args:
            params: value of every parameter.
            violation: by how much a limit is exceeded, above 0, in one unit for all (such as bytes / limit - 1).
        """
        coded = self._coding.encode(params)
        if coded is not None:
            self._known.add(_key(coded))
            for view in self._views.values():
                view.add_infeasible(coded, violation)

    def propose(self, running: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try.

        They are a repetition only when a small space is used up: the caller decides what to do then.

        Args:
            running: parameters of trainings under way.
        """
        under_way = {_key(coded): coded for params in running if (coded := self._coding.encode(params)) is not None}
        view = self._views[self.rung_asked()]
        view.set_running(under_way)
        taken = self._known | under_way.keys()
        coded = view.ask()
        for _ in range(RETRIES):
            if _key(coded) not in taken:
                return self._coding.decode(coded)
            coded = view.ask()
        return self._coding.decode(self._nearest_free(coded, taken))

    def _nearest_free(self, coded: Params, taken: Set[_Key]) -> Params:
        """What is not taken and differs in as few fields as possible, one of them by chance; `coded` itself if all is taken."""
        met, ring = {_key(coded)}, [coded]
        while ring and len(met) <= MOST_LOOKED_AT:
            free = [params for params in ring if _key(params) not in taken]
            if free:
                return self._draw.choice(free)
            around = {_key(near): near for params in ring for near in self._coding.neighbours(params)}
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


def _key(coded: Params) -> _Key:
    return tuple(coded.values())


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


class _View:
    """The study of one rung, in the sampler's coding."""

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], directions: Sequence[Direction], sampler: str, seed: int
    ) -> None:
        self._distributions = dict(distributions)
        self._sampler_name, self._seed = sampler, seed
        self._study = optuna.create_study(directions=list(directions), sampler=make_sampler(sampler, seed))
        self._asked = False
        self._known: set[_Key] = set()
        self._open: dict[_Key, int] = {}  # numbers of the trials under way
        self.observations = 0

    def add(self, params: Params, values: list[float]) -> None:
        """One finished observation."""
        if _key(params) not in self._known:
            number = self._take_open(params)
            self.observations += 1
            self._study.tell(number, values)

    def add_infeasible(self, params: Params, violation: float) -> None:
        """One that is to be kept away from."""
        if _key(params) not in self._known:
            number = self._take_open(params)
            trial_id = self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
            self._study._storage.set_trial_system_attr(trial_id, "constraints:limits", violation)
            self._study.tell(number, state=TrialState.PRUNED)

    def set_running(self, under_way: Mapping[_Key, Params]) -> None:
        """Makes these the trials under way, apart from those that have values here already."""
        for key in [key for key in self._open if key not in under_way]:
            self._study.tell(self._open.pop(key), state=TrialState.FAIL)  # never trained: the sampler must not see it
        for key, params in under_way.items():
            if key not in self._known and key not in self._open:
                self._open[key] = self._add_running(params)

    def ask(self) -> dict[str, Any]:
        """The sampler's next idea; it stays open until values come, or until it is not among the running ones."""
        if not self._asked:
            self._study.sampler = make_sampler(self._sampler_name, self._seed + len(self._known))
            self._asked = True
        trial = self._study.ask(fixed_distributions=self._distributions)
        params = {name: trial.params[name] for name in self._distributions}
        if _key(params) in self._open or _key(params) in self._known:
            self._study.tell(trial.number, state=TrialState.FAIL)
        else:
            self._open[_key(params)] = trial.number
        return params

    def _take_open(self, params: Params) -> int:
        """The number of the trial under way with these parameters, from now on known; it is added if there is none."""
        key = _key(params)
        self._known.add(key)
        return self._open.pop(key) if key in self._open else self._add_running(params)

    def _add_running(self, params: Params) -> int:
        trial = create_trial(state=TrialState.RUNNING, params=dict(params), distributions=self._distributions)
        self._study.add_trial(trial)
        added = self._study.get_trials(deepcopy=False)[-1]
        self._number_generation(added)
        return added.number

    def _number_generation(self, trial: FrozenTrial) -> None:
        """Genetic samplers overlook trials without a generation, which they only write into those they proposed."""
        if isinstance(self._study.sampler, BaseGASampler):
            self._study.sampler.get_trial_generation(self._study, trial)
