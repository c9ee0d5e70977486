"""The results of one rung as an Optuna study in memory, for a sampler to learn from.

Decisions:
- All trials use the same dictionary of distributions. Optuna would keep a copy for each trial, which is most of its memory;
  its in-memory storage hands out its own trials, so they are changed in place.
- A rejected proposal leaves no trial behind: all proposals are made for one blank trial, until one is taken.
- What Optuna's public API would do instead (`Study.ask` and `Study.tell` for each proposal) leaves a failed trial for every
  rejected one, seventeen for each training in a study that has converged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseGASampler, BaseSampler
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from studies.optuna_internals.cached_tpe import CachedTPESampler

Params = Mapping[str, Any]
Direction = Literal["minimize", "maximize"] | StudyDirection
Key = tuple[Any, ...]


def key_of(params: Params) -> Key:
    """The values, in the order of the parameters."""
    return tuple(params.values())


class RungStudy:
    """The study of one rung.

    Args:
        distributions: parameter to distribution, as the sampler sees them.
        directions: "maximize" or "minimize" for each objective.
        make_sampler: makes a sampler from a seed.
        seed: seed of the sampler.

    Attributes:
        observations: number of different parameters that have values.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        directions: Sequence[Direction],
        make_sampler: Callable[[int], BaseSampler],
        seed: int,
    ) -> None:
        self._distributions = dict(distributions)
        self._make_sampler, self._seed = make_sampler, seed
        self._study = optuna.create_study(directions=list(directions), sampler=make_sampler(seed))
        self._asked = False
        self._known: set[Key] = set()
        self._open: dict[Key, int] = {}  # numbers of the running trials
        self._blank: FrozenTrial | None = None  # the trial that proposals are made for; running once a proposal is taken
        self.observations = 0

    def add(self, params: Params, values: list[float]) -> None:
        """Adds a finished observation."""
        if key_of(params) not in self._known:
            number = self._take_open(params)
            self.observations += 1
            self._study.tell(number, values)

    def add_infeasible(self, params: Params, violation: float) -> None:
        """Adds parameters that exceed a limit, or could not be trained."""
        if key_of(params) not in self._known:
            number = self._take_open(params)
            trial_id = self._study._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
            self._study._storage.set_trial_system_attr(trial_id, "constraints:limits", violation)
            self._study.tell(number, state=TrialState.PRUNED)

    def set_running(self, under_way: Mapping[Key, Params]) -> None:
        """Makes these the running trials, except those that have values here already."""
        for key in [key for key in self._open if key not in under_way]:
            self._study.tell(
                self._open.pop(key), state=TrialState.FAIL
            )  # not trained after all: samplers do not see failed trials
        for key, params in under_way.items():
            if key not in self._known and key not in self._open:
                self._open[key] = self._add_running(params)

    def proposals(self) -> Iterator[dict[str, Any]]:
        """The sampler's proposals, one after the other, without end; call `take` with the one that will be tried.

        A proposal that is new to this rung and is not taken becomes a running trial meanwhile, so that the sampler does not
        repeat it: it may be known at another rung.
        """
        while True:
            first = params = self._ask()
            yield params
            sampler = self._study.sampler
            while self._has(params) and isinstance(sampler, CachedTPESampler) and (more := sampler.again()) is not None:
                params = {**first, **more}
                yield params
            self.take(params)

    def take(self, params: Params) -> None:
        """Makes a proposal a running trial, until it has values or `set_running` no longer names it."""
        if self._blank is not None and not self._has(params):
            self._fill(self._blank, params)
            self._open[key_of(params)] = self._blank.number
            self._blank = None

    def _has(self, params: Params) -> bool:
        return key_of(params) in self._open or key_of(params) in self._known

    def _ask(self) -> dict[str, Any]:
        if not self._asked:
            self._study.sampler = self._sampler()
            self._asked = True
        if self._blank is None:
            self._blank = self._new()
        self._blank.system_attrs = {}
        trial = Trial(self._study, self._blank._trial_id)
        params = {name: trial._suggest(name, distribution) for name, distribution in self._distributions.items()}
        self._blank = self._study._storage.get_trial(self._blank._trial_id)
        self._blank.params, self._blank.distributions = {}, {}
        if isinstance(self._study.sampler, CachedTPESampler):
            self._blank.system_attrs = {}  # the proposal once more, as text
        return params

    def _sampler(self) -> BaseSampler:
        """A sampler with another seed than the first one if there are trials already; otherwise it would repeat its start."""
        sampler = self._make_sampler(self._seed + len(self._known))
        if isinstance(sampler, CachedTPESampler):
            sampler.whole = self._distributions
        return sampler

    def _take_open(self, params: Params) -> int:
        """The number of the running trial with these parameters, which is added if there is none; marks them as known."""
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
        """Gives a trial its parameters, and the distributions that all trials use."""
        trial.params, trial.distributions = dict(params), self._distributions

    def _number_generation(self, trial: FrozenTrial) -> None:
        """Gives a trial a generation: genetic samplers ignore trials without one, and number only their own proposals."""
        if isinstance(self._study.sampler, BaseGASampler):
            self._study.sampler.get_trial_generation(self._study, trial)
