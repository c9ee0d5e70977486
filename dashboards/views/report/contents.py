"""What a study holds, read from its storage once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from studies.definition.study import Study
from studies.objectives.objective import Objective
from studies.run.study_log import epoch_logs
from studies.storage.front_point import FrontPoint
from studies.storage.lease import runner_of
from studies.storage.outcomes import CheckpointOf, PrecisionVariantOf
from studies.storage.pareto_front import load_store, pareto_front, stored_points, with_equals
from studies.storage.parsed_trials import parsed
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.trial.epoch_log import EPOCHS_NAME, read_epochs

Epochs = list[dict[str, Any]]
"""The epochs of a training, oldest first, as `trainers.trial.epoch_log` has them."""


@dataclass(frozen=True)
class Contents:
    """A study.

    Attributes:
        name: of the study.
        workspace: holds its files.
        store: the study as it is stored.
        study: its definition.
        objectives: what it searches for.
        trials: all trials, oldest first.
        ended: number of a trial to when it ended, Unix time in seconds; of those that have ended.
        points: the measured candidates, oldest first.
        front: those on the front, smallest first.
        epochs: digest of a training to its epochs.
        data: which lines it is measured on, by input height, as recorded.
        runner: the process that runs the study, as "HOST:PID"; None if none does.
    """

    name: str
    workspace: Workspace
    store: StudyStore
    study: Study
    objectives: tuple[Objective, ...]
    trials: list[StoredTrial]
    ended: Mapping[int, float]
    points: list[FrontPoint]
    front: list[FrontPoint]
    epochs: Mapping[str, Epochs]
    data: Mapping[str, Any]
    runner: str | None

    def recorded(self, count: str) -> int:
        """A count of lines that was recorded: `training`, `validation` or `symbols`; 0 if it was not."""
        return next((int(known[count]) for known in self.data.values()), 0)

    def training_of(self, number: int) -> StoredTrial:
        """The trial whose training gave a trial its file: itself, or the one of which it is a precision or a checkpoint."""
        trial = self.trials[number]
        if isinstance(trial.outcome, PrecisionVariantOf | CheckpointOf):
            return self.trials[trial.outcome.trial]
        return trial


def read_contents(workspace: Workspace, name: str) -> Contents:
    """Reads a study.

    Raises:
        UserError: no such study, or it names something that is not installed here.
    """
    store = load_store(workspace, name)
    study, stored = store.study, store.trials()
    points = stored_points(store, workspace)
    return Contents(
        name=name,
        workspace=workspace,
        store=store,
        study=study,
        objectives=study.objectives,
        trials=parsed(stored, name),
        ended={t.number: t.datetime_complete.timestamp() for t in stored if t.datetime_complete is not None},
        points=points,
        front=with_equals(pareto_front(points, study.objectives)),
        epochs=_epochs(workspace, name),
        data=store.data_identity(),
        runner=runner_of(store),
    )


def _epochs(workspace: Workspace, name: str) -> dict[str, Epochs]:
    """The epochs of each training, by its digest; one that several trials have trained has the longest log."""
    found: dict[str, Epochs] = {}
    for log in epoch_logs(workspace, name):
        digest = log.parent.name if log.name == EPOCHS_NAME else log.stem.partition("-")[2]
        epochs = read_epochs(log)
        if len(epochs) > len(found.get(digest, ())):
            found[digest] = epochs
    return found
