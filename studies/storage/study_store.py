"""The Optuna study as the one record of a search: what was proposed, what came of it, and why.

Decisions:
- One writer, the driver. Everything else (rungs, live table, report, MLflow) can be rebuilt from here.
- COMPLETE: reached full training within the limits. PRUNED: stopped early, over budget or refused; never FAIL for those,
  because samplers do not see failed trials and propose the same again and again.
- A constraint is written twice: `set_constraint` for the samplers, the list "constraints" for optuna-dashboard 0.21.
- Optuna takes no attributes of a closed trial, so everything is written before it is closed.
- Trials are opened and closed in the storage itself: `ask` and `tell` read all open trials each time, paused ones among them,
  and a study of thousands spends most of its time on that.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_space.catalog import nearest
from search_space.space import Choice, SearchSpace
from studies.definition.study import Study
from studies.objectives.objectives import Objective
from studies.storage.batched_writes import open_trial, write_trial
from trainers.base.candidate import Candidate
from trainers.base.errors import UserError

STUDY_KEY = "paretext:study"

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


def distributions(space: SearchSpace) -> dict[str, BaseDistribution]:
    """Optuna's form of the open fields: evenly spaced whole numbers as an integer range, everything else as categories."""
    return {field: _distribution(space.choices[field]) for field in space.open_fields}


def _distribution(choices: Sequence[Choice]) -> BaseDistribution:
    numbers = [c for c in choices if isinstance(c, int)]
    if len(numbers) == len(choices):
        steps = {b - a for a, b in itertools.pairwise(numbers)}
        if len(steps) == 1 and min(steps) > 0:
            return IntDistribution(numbers[0], numbers[-1], step=steps.pop())
    return CategoricalDistribution(tuple(choices))


@dataclass(frozen=True)
class Proposal:
    """A trial that Optuna has opened.

    Attributes:
        number: the trial's number.
        params: value of each open field.
    """

    number: int
    params: dict[str, Choice]


class StudyStore:
    """One study in a database.

    Args:
        storage: where it lies.
        optuna_study: the study in it.
    """

    def __init__(self, storage: BaseStorage, optuna_study: optuna.Study) -> None:
        self._storage = storage
        self._ids: dict[int, int] = {}  # number to id, of the trials that this process has under way
        self._study = optuna_study
        self._study.sampler = RandomSampler()  # never asked: what is tried next is decided elsewhere (`studies.run.schedule`)

    @classmethod
    def create_or_open(cls, storage: BaseStorage, study: Study) -> tuple[StudyStore, bool]:
        """Opens the study of that name, or creates it and stores the resolved study in it.

        Returns:
            The store, and whether the study was there before.
        """
        names = optuna.get_all_study_names(storage)
        known = study.name in names
        optuna_study = optuna.create_study(
            storage=storage,
            study_name=study.name,
            directions=[objective.direction for objective in study.objectives],
            load_if_exists=True,
        )
        if STUDY_KEY not in optuna_study.user_attrs:
            optuna_study.set_metric_names([objective.metric for objective in study.objectives])
            optuna_study.set_user_attr(STUDY_KEY, study.model_dump(mode="json"))
            known = False
        return cls(storage, optuna_study), known

    @classmethod
    def open(cls, storage: BaseStorage, name: str) -> StudyStore:
        """Opens an existing study.

        Raises:
            UserError: no study has that name; the message holds the nearest one that exists.
        """
        names = optuna.get_all_study_names(storage)
        if name not in names:
            there = f"known: {', '.join(names)}" if names else "there is none yet; start one with 'paretext search'"
            raise UserError(f"no study is called '{name}'{nearest(name, names)} ({there})")
        return cls(storage, optuna.load_study(study_name=name, storage=storage))

    @property
    def study(self) -> Study:
        """The resolved study as it was stored."""
        return Study.model_validate(self._study.user_attrs[STUDY_KEY])

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What is searched for; the same as long as the study is there."""
        return self.study.objectives

    def update_study(self, study: Study) -> None:
        """Stores a study whose budget has been changed."""
        self._study.set_user_attr(STUDY_KEY, study.model_dump(mode="json"))

    @property
    def optuna_study(self) -> optuna.Study:
        """The study itself, to read."""
        return self._study

    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in these states (all when none is named), oldest first."""
        return self._study.get_trials(deepcopy=False, states=states or None)

    def ask_params(self, params: Mapping[str, Choice], space: Mapping[str, BaseDistribution]) -> Proposal:
        """Opens a trial for given parameters.

        Args:
            params: value of each open field, or of some.
            space: distribution of each open field.
        """
        named = {name: space[name] for name in params}
        trial_id, number = open_trial(self._storage, self._study._study_id, params, named)
        self._ids[number] = trial_id
        return Proposal(number, dict(params))

    def note(self, number: int, **facts: Any) -> None:
        """Writes facts of an open trial; dicts and lists as they are, so that dashboards show them."""
        write_trial(self._storage, self._trial_id(number), _plain(facts))

    def tell_complete(self, number: int, candidate: Candidate, **facts: Any) -> None:
        """Closes a trial that trained to the end within the limits."""
        self._close(number, TrialState.COMPLETE, _measured(candidate) | facts, self._values(candidate))

    def add_complete(
        self, params: Mapping[str, Choice], space: Mapping[str, BaseDistribution], candidate: Candidate, **facts: Any
    ) -> int:
        """Records what another trial's training has given besides, opened and closed in one call; its number.

        Args:
            params: value of each open field, or of some.
            space: distribution of each open field.
            candidate: what was measured.
            facts: further facts for the record.
        """
        closed = create_trial(
            state=TrialState.COMPLETE,
            params=dict(params),
            distributions={name: space[name] for name in params},
            values=self._values(candidate),
            user_attrs=_plain(_measured(candidate) | facts),
        )
        return self._storage.get_trial_number_from_id(self._storage.create_new_trial(self._study._study_id, closed))

    def tell_infeasible(self, number: int, reason: str, violation: float, **facts: Any) -> None:
        """Closes a trial that may not train.

        Args:
            number: the trial.
            reason: for the record.
            violation: how far it is off, above 0; samplers steer by it.
            facts: further facts for the record.
        """
        constraints = {"constraints:limits": violation, "constraints": [violation]}
        self._close(number, TrialState.PRUNED, {"end_reason": reason, **facts}, system=constraints)

    def tell_stopped(self, number: int, reason: str, **facts: Any) -> None:
        """Closes a trial that was stopped before its last epoch."""
        self._close(number, TrialState.PRUNED, {"end_reason": reason, **facts})

    def tell_failed(self, number: int, reason: str, **facts: Any) -> None:
        """Closes a trial whose training could not be finished."""
        self._close(number, TrialState.FAIL, {"end_reason": reason, **facts})

    def close_twins(self) -> int:
        """Closes what was opened twice, since the database was away while it answered; for the end, when nothing is open.

        Returns:
            How many there were.
        """
        twins = self.trials(TrialState.RUNNING)
        if twins:
            of = {tuple(sorted(t.params.items(), key=str)): t.number for t in self.trials() if t.state != TrialState.RUNNING}
            for twin in twins:
                number = of.get(tuple(sorted(twin.params.items(), key=str)), twin.number)
                self.tell_stopped(twin.number, "opened twice, since the database did not answer", duplicate_of=number)
        return len(twins)

    def _close(
        self,
        number: int,
        state: TrialState,
        facts: Mapping[str, Any] | None = None,
        values: Sequence[float] | None = None,
        system: Mapping[str, Any] | None = None,
    ) -> None:
        with contextlib.suppress(UpdateFinishedTrialError):  # by a call whose answer got lost
            write_trial(self._storage, self._trial_id(number), _plain(facts or {}), system, (state, values))
        self._ids.pop(number, None)

    def _values(self, candidate: Candidate) -> list[float]:
        return [float(o.measured(candidate.measurement)) for o in self.objectives]

    def _trial_id(self, number: int) -> int:
        if number not in self._ids:
            self._ids[number] = self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
        return self._ids[number]


def _measured(candidate: Candidate) -> dict[str, Any]:
    """What is recorded of every complete trial."""
    return {"measurement": candidate.measurement.as_dict(), "model": str(candidate.model)}


def _plain(facts: Mapping[str, Any]) -> dict[str, Any]:
    """Facts as they come back from a database."""
    plain: dict[str, Any] = json.loads(json.dumps(facts))
    return plain
