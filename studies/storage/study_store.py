"""The Optuna study as the one record of a search: what was proposed, what became of it, and why.

Decisions:
- One writer, the driver. Everything else (rungs, live table, report, MLflow) can be rebuilt from here.
- Trials come back as `StoredTrial`, parsed once; how they are written is said in `studies.storage.trial_attributes`.
- Optuna takes no attributes of a closed trial, so what became of it is written before the state that closes it.
- Trials are opened and closed in the storage itself: `ask` and `tell` read all open trials each time, paused ones among them,
  and a study of thousands would spend most of its time on that.
"""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from functools import cached_property
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.samplers import RandomSampler
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from search_space.catalog import nearest
from studies.definition.joint_space import Value
from studies.definition.study import Study, stored_study
from studies.objectives.objective import Objective
from studies.storage.backends import RetryingStorage
from studies.storage.bulk_read import read_trials, sql_storage
from studies.storage.damaged_values import reads
from studies.storage.held_out_score import TestScore
from studies.storage.parsed_trials import parsed
from studies.storage.proposal import Proposal
from studies.storage.stored_names import all_names, load_study
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark
from studies.storage.study_attributes import STUDY_KEY, read_value, write_value
from studies.storage.study_faults import NoSuchStudy, check_is_of_paretext, check_may_be_filled
from studies.storage.trial_artifacts import artifacts_of
from studies.storage.trial_attributes import (
    Attributes,
    description_of,
    lineage_attributes,
    outcome_attributes,
    rung_attributes,
    stored_attributes,
    training_attributes,
)
from studies.storage.trial_states import state_of
from studies.storage.trial_writes import open_trial, write_trial
from trainers.base.lineage import Lineage

TEST_KEY = "paretext:test:"
DATA_KEY = "paretext:data"
"""System attribute of a study: which lines it is measured on, by input height."""

warnings.filterwarnings("ignore", category=optuna.exceptions.ExperimentalWarning)


class StudyStore:
    """One study in a database.

    Args:
        storage: where it lies.
        optuna_study: the study in it.
    """

    def __init__(self, storage: BaseStorage, optuna_study: optuna.Study) -> None:
        self._storage = storage
        self._ids: dict[int, int] = {}  # number to id, of the trials that this process has open
        self._described: set[int] = set()  # numbers of open trials whose architecture this process has written
        self._study = optuna_study
        self._study.sampler = RandomSampler()  # never asked: what is tried next is decided elsewhere (`studies.run.schedule`)

    @classmethod
    def create_or_open(cls, storage: BaseStorage, study: Study) -> tuple[StudyStore, bool]:
        """Opens the study of that name, or creates it and stores the resolved study in it.

        Returns:
            The store, and whether the study was there before.

        Raises:
            NoSuchStudy: another program has a study of that name.
        """
        names = all_names(storage)
        known = study.name in names
        optuna_study = optuna.create_study(
            storage=storage,
            study_name=study.name,
            directions=[objective.direction for objective in study.objectives],
            load_if_exists=True,
        )
        if read_value(optuna_study, STUDY_KEY) is None:
            check_may_be_filled(optuna_study)
            optuna_study.set_metric_names([objective.metric for objective in study.objectives])
            write_value(optuna_study, STUDY_KEY, study.model_dump(mode="json"))
            known = False
        return cls(storage, optuna_study), known

    @classmethod
    def open(cls, storage: BaseStorage, name: str) -> StudyStore:
        """Opens an existing study.

        Raises:
            NoSuchStudy: no study has that name; the message holds the nearest one that exists.
        """
        names = all_names(storage)
        if name not in names:
            there = f"known: {', '.join(names)}" if names else "there is none yet; start one with 'paretext search'"
            raise NoSuchStudy(f"no study is called '{name}'{nearest(name, names)} ({there})")
        return cls(storage, load_study(storage, name))

    @property
    @reads
    def study(self) -> Study:
        """The resolved study as it was stored.

        Raises:
            NoSuchStudy: another program has made the study.
            UserError: it names something that is not installed here, such as an objective of another package.
        """
        check_is_of_paretext(self._study)
        return stored_study(read_value(self._study, STUDY_KEY), self._study.study_name)

    @cached_property
    def objectives(self) -> tuple[Objective, ...]:
        """What is searched for; the same as long as the study is there."""
        return self.study.objectives

    @property
    def epochs(self) -> int | None:
        """Epochs of a full training; None when the study does not say. Unlike `study` it needs nothing to be installed."""
        epochs = self._written().get("budget", {}).get("epochs")
        return epochs if isinstance(epochs, int) else None

    @property
    def written_recipe(self) -> str | dict[str, Any] | None:
        """`[recipe]` as it was stored; None when the study does not say. Nothing needs to be installed for it either."""
        recipe = self._written().get("recipe")
        return recipe if isinstance(recipe, str | dict) else None

    @reads
    def _written(self) -> dict[str, Any]:
        """The study as it was stored, as JSON values."""
        return dict(read_value(self._study, STUDY_KEY) or {})

    def update_study(self, study: Study) -> None:
        """Stores a study whose budget has been changed."""
        write_value(self._study, STUDY_KEY, study.model_dump(mode="json"))

    @reads
    def attributes(self, prefix: str) -> dict[str, Any]:
        """System attributes of the study whose keys begin with a prefix, by the rest of the key."""
        attributes = self._storage.get_study_system_attrs(self._study._study_id)
        return {key.removeprefix(prefix): value for key, value in attributes.items() if key.startswith(prefix)}

    def set_attribute(self, key: str, value: Any) -> None:
        """Writes a system attribute of the study; a closed trial takes none."""
        self._storage.set_study_system_attr(self._study._study_id, key, value)

    def test_scores(self) -> dict[int, TestScore]:
        """What trials have read of the test lines, by number; few have been tested."""
        return {int(number): TestScore(**value) for number, value in self.attributes(TEST_KEY).items()}

    def add_test_score(self, number: int, score: TestScore) -> None:
        """Writes what a trial reads of the test lines."""
        self.set_attribute(f"{TEST_KEY}{number}", asdict(score))

    @reads
    def data_identity(self) -> dict[str, Any]:
        """Which lines the study is measured on (`studies.run.data_identity`), by input height; empty if not recorded."""
        recorded = self._storage.get_study_system_attrs(self._study._study_id).get(DATA_KEY, {})
        return dict(recorded)

    def set_data_identity(self, identity: Mapping[str, Any]) -> None:
        """Records which lines the study is measured on."""
        self._storage.set_study_system_attr(self._study._study_id, DATA_KEY, dict(identity))

    def has_trials(self) -> bool:
        """Whether any trial has been proposed."""
        return self._storage.get_n_trials(self._study._study_id) > 0

    @property
    def optuna_study(self) -> optuna.Study:
        """The study itself, to read."""
        return self._study

    @reads
    def trials(self, *states: TrialState) -> list[FrozenTrial]:
        """Trials in these states (all when none is named) as Optuna has them, oldest first."""
        tables = sql_storage(self._storage)
        if tables is None:
            return self._study.get_trials(deepcopy=False, states=states or None)
        if isinstance(self._storage, RetryingStorage):
            trials: list[FrozenTrial] = self._storage.retry(read_trials, tables, self._study._study_id, states)
            return trials
        return read_trials(tables, self._study._study_id, states)

    def stored_trials(self) -> list[StoredTrial]:
        """All trials, oldest first."""
        return self._parsed()

    def _parsed(self, *states: TrialState) -> list[StoredTrial]:
        return parsed(self.trials(*states), self._study.study_name)

    def candidates(self) -> list[StoredTrial]:
        """Trials that were trained to the end and measured, oldest first, without duplicates."""
        return [trial for trial in self._parsed(TrialState.COMPLETE) if trial.is_candidate]

    def open_trials(self) -> list[StoredTrial]:
        """Trials that are not closed, oldest first."""
        return self._parsed(TrialState.RUNNING, TrialState.WAITING)

    def ask_params(self, params: Mapping[str, Value], space: Mapping[str, BaseDistribution]) -> Proposal:
        """Opens a trial for given parameters.

        Args:
            params: value of each open parameter, or of some.
            space: distribution of each open parameter.
        """
        named = {name: space[name] for name in params}
        trial_id, number = open_trial(self._storage, self._study._study_id, params, named)
        self._ids[number] = trial_id
        return Proposal(number, dict(params))

    def describe(self, trial: StoredTrial) -> None:
        """Writes what an open trial is, once its architecture is known."""
        self._write(trial.number, description_of(trial))
        self._described.add(trial.number)

    def note_training(self, number: int, mark: TrainingMark) -> None:
        """Writes who trains an open trial."""
        self._write(number, training_attributes(mark))

    def note_rung(self, number: int, epoch: int, result: RungResult) -> None:
        """Writes what an open trial has reached at a rung."""
        self._write(number, rung_attributes(epoch, result))

    def note_lineage(self, number: int, lineage: Lineage) -> None:
        """Writes what the network of an open trial inherited."""
        self._write(number, lineage_attributes(lineage))

    def close(self, trial: StoredTrial) -> None:
        """Writes the outcome of an open trial, then the state that closes it. A trial that is closed already stays as it is.

        In a search only `studies.run.trial_recorder.TrialRecorder` calls this.
        """
        written = outcome_attributes(trial.outcome) | stored_attributes(trial) | self._artifacts(trial)
        if trial.number not in self._described:
            written = description_of(trial) | written
        end = state_of(trial.outcome), self._values(trial)
        with contextlib.suppress(UpdateFinishedTrialError):  # closed by a call whose answer was lost
            write_trial(self._storage, self._trial_id(trial.number), written.user, written.system, end)
        self._ids.pop(trial.number, None)
        self._described.discard(trial.number)

    def add(self, trial: StoredTrial, space: Mapping[str, BaseDistribution]) -> StoredTrial:
        """Records a trial that was never open, such as a precision variant; one call opens and closes it.

        Args:
            trial: with its outcome; its number is ignored.
            space: distribution of each open field.

        Returns:
            The trial under the number that it was given.
        """
        written = description_of(trial) | outcome_attributes(trial.outcome) | stored_attributes(trial) | self._artifacts(trial)
        closed = create_trial(
            state=state_of(trial.outcome),
            params=dict(trial.params),
            distributions={name: space[name] for name in trial.params},
            values=self._values(trial),
            user_attrs=written.user,
            system_attrs=written.system,
        )
        number = self._storage.get_trial_number_from_id(self._storage.create_new_trial(self._study._study_id, closed))
        return trial.numbered(number)

    def _artifacts(self, trial: StoredTrial) -> Attributes:
        return Attributes(system=dict(artifacts_of(self._study.study_name, trial)))

    def optuna_trial(self, number: int) -> optuna.Trial:
        """A trial as Optuna's own functions and optuna-dashboard's take it, also one that is closed."""
        return optuna.Trial(self._study, self._trial_id(number))

    def _write(self, number: int, attributes: Attributes) -> None:
        write_trial(self._storage, self._trial_id(number), attributes.user, attributes.system)

    def _values(self, trial: StoredTrial) -> list[float] | None:
        """A complete trial's value of each objective."""
        if state_of(trial.outcome) != TrialState.COMPLETE or trial.measurement is None:
            return None
        return [float(objective.measured(trial.measurement)) for objective in self.objectives]

    def _trial_id(self, number: int) -> int:
        if number not in self._ids:
            self._ids[number] = self._storage.get_trial_id_from_study_id_trial_number(self._study._study_id, number)
        return self._ids[number]
