"""MLflow's copy of a closed trial."""

from __future__ import annotations

from pathlib import Path
from typing import assert_never

from studies.definition.configuration import recipe_params
from studies.registry.tracker import Tracker
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


class TrackingCallback:
    """Sends what was trained to MLflow; a `TrialCallback`. What never trained, and what is suspended, is left out.

    Args:
        tracker: records the trials.
        workspace: recorded paths of models are relative to its folder.
    """

    def __init__(self, tracker: Tracker, workspace: Workspace) -> None:
        self._tracker, self._workspace = tracker, workspace

    def trial_closed(self, trial: StoredTrial) -> None:
        match trial.outcome:
            case Measured(model=model) | PrecisionVariantOf(model=model) | CheckpointOf(model=model):
                self._log(trial, self._workspace.folder / model)
            case Stopped() | Failed():
                self._log(trial, None)
            case Running() | Suspended() | OverLimit() | Refused() | Duplicate():
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
        tags = {"reason": trial.reason or None, "continues": trial.continues, "stored_as": trial.stored_as, **inherited}
        self._tracker.log_trial(trial.number, fields, measured, trial.outcome.name, model, tags)
