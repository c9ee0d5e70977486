"""One rung as a small Optuna study in memory: what trainings reached there, for a sampler to learn from.

Decisions:
- Optuna's in-memory storage hands out its own trials, and they are made lean there: a trial's distributions are all the same,
  of which it would keep a copy for each, most of a trial's weight.
- Ideas that are not taken leave nothing behind: one blank trial is asked for over and over, until its idea is taken.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from studies.samplers.optuna_based.cached_tpe import CachedTPESampler
from studies.samplers.optuna_based.factory import make_sampler

Params = Mapping[str, Any]
Direction = Literal["minimize", "maximize"] | StudyDirection
Key = tuple[Any, ...]


def key_of(params: Params) -> Key:
    """The values, in the order of the parameters."""
    return tuple(params.values())


class RungStudy:
    """The study of one rung.

    Args:
        distributions: parameter to distribution, as the sampler is to see them.
        directions: of the values, "maximize" or "minimize" each.
        sampler: its name.
        seed: of the sampler.

    Attributes:
        observations: different parameters that have values.
    """

    def __init__(
        self, distributions: Mapping[str, BaseDistribution], directions: Sequence[Direction], sampler: str, seed: int
    ) -> None:
        self._distributions = dict(distributions)
        self._sampler_name, self._seed = sampler, seed
        self._study = optuna.create_study(directions=list(directions), sampler=make_sampler(sampler, seed))
        self._asked = False
        self._known: set[Key] = set()
        self._open: dict[Key, int] = {}  # numbers of the trials under way
        self._blank: FrozenTrial | None = None  # the trial that ideas are asked for; under way once an idea is taken
        self.observations = 0

    def add(self, params: Params, values: list[float]) -> None:
        """One finished observation."""
        if key_of(params) not in self._known:
            number = self._take_open(params)
            self.observations += 1
            self._study.tell(number, values)

    def add_infeasible(self, params: Params, violation: float) -> None:
        """One that is to be kept away from."""
        if key_of(params) not in self._known:
            number = self._take_open(params)
            trial_id = self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
            self._study._storage.set_trial_system_attr(trial_id, "constraints:limits", violation)
            self._study.tell(number, state=TrialState.PRUNED)

    def set_running(self, under_way: Mapping[Key, Params]) -> None:
        """Makes these the trials under way, apart from those that have values here already."""
        for key in [key for key in self._open if key not in under_way]:
            self._study.tell(self._open.pop(key), state=TrialState.FAIL)  # never trained: the sampler must not see it
        for key, params in under_way.items():
            if key not in self._known and key not in self._open:
                self._open[key] = self._add_running(params)

    def ideas(self) -> Iterator[dict[str, Any]]:
        """What the sampler thinks of, one after the other, without end; `take` the one that is to be tried.

        What it would not think of if it knew more, such as what has stopped at another rung, it is told meanwhile.
        """
        while True:
            first = idea = self._ask()
            yield idea
            sampler = self._study.sampler
            while self._holds(idea) and isinstance(sampler, CachedTPESampler) and (more := sampler.again()) is not None:
                idea = {**first, **more}
                yield idea
            self.take(idea)

    def take(self, idea: Params) -> None:
        """Makes an idea a trial under way, until values come or until it is not among the running ones."""
        if self._blank is not None and not self._holds(idea):
            self._fill(self._blank, idea)
            self._open[key_of(idea)] = self._blank.number
            self._blank = None

    def _holds(self, params: Params) -> bool:
        return key_of(params) in self._open or key_of(params) in self._known

    def _ask(self) -> dict[str, Any]:
        if not self._asked:
            self._study.sampler = self._sampler()
            self._asked = True
        if self._blank is None:
            self._blank = self._new()
        self._blank.system_attrs = {}
        trial = Trial(self._study, self._blank._trial_id)
        idea = {name: trial._suggest(name, distribution) for name, distribution in self._distributions.items()}
        self._blank = self._study._storage.get_trial(self._blank._trial_id)
        self._blank.params, self._blank.distributions = {}, {}
        if isinstance(self._study.sampler, CachedTPESampler):
            self._blank.system_attrs = {}  # the idea once more, as text
        return idea

    def _sampler(self) -> BaseSampler:
        """Another than the first one, if there are trials already: it would repeat its start."""
        sampler = make_sampler(self._sampler_name, self._seed + len(self._known))
        if isinstance(sampler, CachedTPESampler):
            sampler.whole = self._distributions
        return sampler

    def _take_open(self, params: Params) -> int:
        """The number of the trial under way with these parameters, from now on known; it is added if there is none."""
        key = key_of(params)
        self._known.add(key)
        return self._open.pop(key) if key in self._open else self._add_running(params)

    def _add_running(self, params: Params) -> int:
        added = self._new()
        self._fill(added, params)
        self._number_generation(added)
        return added.number

    def _new(self) -> FrozenTrial:
        self._study.add_trial(create_trial(state=TrialState.RUNNING))
        return self._study.get_trials(deepcopy=False)[-1]

    def _fill(self, trial: FrozenTrial, params: Params) -> None:
        """Gives a trial its parameters; all share their distributions, of which Optuna would give each a copy."""
        trial.params, trial.distributions = dict(params), self._distributions

    def _number_generation(self, trial: FrozenTrial) -> None:
        """Genetic samplers overlook trials without a generation, which they only write into those they proposed."""
        if isinstance(self._study.sampler, BaseGASampler):
            self._study.sampler.get_trial_generation(self._study, trial)
