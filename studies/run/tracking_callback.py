"""MLflow's copy of a closed trial, and of a whole study."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import assert_never

from search_space.architecture import RefusedArchitecture
from studies.definition.configuration import recipe_params
from studies.registry.tracker import Tracker
from studies.registry.training_course import TrainingCourse
from studies.storage.outcomes import (
    CheckpointOf,
    Duplicate,
    Failed,
    Measured,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from trainers.trial.epoch_log import EPOCHS_NAME


class TrackingCallback:
    """Sends what was trained to MLflow; a `TrialCallback`. What never trained is left out.

    Args:
        tracker: records the trials.
        workspace: recorded paths of models are relative to its folder.
        study: name of the study.
    """

    def __init__(self, tracker: Tracker, workspace: Workspace, study: str) -> None:
        self._tracker, self._workspace, self._study = tracker, workspace, study

    def trial_closed(self, trial: StoredTrial) -> None:
        match trial.outcome:
            case Measured(model=model) | PrecisionVariantOf(model=model) | CheckpointOf(model=model):
                self._log(trial, self._workspace.folder / model)
            case Stopped() | Failed() | Suspended():
                self._log(trial, None)
            case OverLimit(measurement=measurement):
                if measurement is not None:
                    self._log(trial, None)
            case Running() | Refused() | Duplicate():
                pass
            case _:
                assert_never(trial.outcome)

    def _log(self, trial: StoredTrial, model: Path | None) -> None:
        fields = trial.fields if trial.fields is not None or trial.architecture is None else trial.architecture.as_dict()
        if fields is not None:
            stored = {} if trial.stored_as is None else {"precision": trial.stored_as}
            fields = {**fields, **stored, **recipe_params(trial.recipe)}
        measured = None if trial.measurement is None else trial.measurement.as_dict()
        inherited = {} if trial.lineage is None else trial.lineage.scalars
        tags = {
            "reason": trial.reason or None,
            "description": _description(trial),
            "epochs": getattr(trial.outcome, "epochs", None) or trial.epochs_trained or None,
            "continues": trial.continues,
            "stored_as": trial.stored_as,
            **inherited,
        }
        course = self._course(trial)
        self._tracker.log_trial(trial.number, fields, measured, trial.outcome.name, model, tags, course)

    def _course(self, trial: StoredTrial) -> TrainingCourse:
        """Where the epochs of its training are, and when it was open."""
        logs: tuple[Path, ...] = ()
        own = not isinstance(trial.outcome, PrecisionVariantOf | CheckpointOf)
        if own and trial.digest is not None:  # the log of a closed trial, and of one whose training may continue
            kept = self._workspace.epochs(self._study) / f"{trial.number:05d}-{trial.digest}.jsonl"
            logs = (kept, self._workspace.trials(self._study) / trial.digest / EPOCHS_NAME)
        epochs = getattr(trial.outcome, "epochs", None)  # a failed training has no last epoch on record
        closed = trial.closed_at or datetime.now()
        return TrainingCourse(logs, epochs, trial.opened, closed, trial.measurement is not None)


def _description(trial: StoredTrial) -> str | None:
    """What it is, in words; None if that cannot be said."""
    try:
        return None if trial.configuration is None else trial.configuration.describe()
    except RefusedArchitecture:  # this version refuses what an earlier one has built
        return None
