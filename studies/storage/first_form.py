"""Trials as version 0.1 wrote them, with everything in user attributes, and what that form shares with the present one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from studies.objectives.costs import Costs
from studies.storage.outcomes import (
    Duplicate,
    Failed,
    Measured,
    Outcome,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark
from trainers.base.candidate import Measurement

LEAST_VIOLATION = 1e-6
"""Violation of a trial over a limit that has no constraint on record: above 0, since 0 would mean feasible."""


def parse_first_form(trial: FrozenTrial) -> StoredTrial:
    """A trial as version 0.1 wrote it: everything in user attributes."""
    user = trial.user_attrs
    costs, size_bytes, mark = user.get("costs"), user.get("estimated_bytes"), user.get("training")
    known = Costs(**costs) if costs else None if size_bytes is None else Costs(size_bytes)
    return StoredTrial(
        number=trial.number,
        params=trial.params,
        outcome=_outcome_of_first_form(trial),
        fields=user.get("architecture"),
        digest=user.get("digest"),
        costs=known,
        rungs=rungs_of(user, "rung:"),
        training=None if mark is None else TrainingMark(mark.get("owner", ""), mark.get("until", 0), mark.get("folder", "")),
    )


def _outcome_of_first_form(trial: FrozenTrial) -> Outcome:
    user = trial.user_attrs
    reason, epochs = str(user.get("end_reason", "")), int(user.get("epoch", 0))
    measurement = Measurement.from_dict(user["measurement"]) if "measurement" in user else None
    if not trial.state.is_finished():
        return Running()
    if "duplicate_of" in user:
        answer = Measured(measurement, Path(user["model"]), 0) if measurement is not None else None
        return Duplicate(user["duplicate_of"], reason, answer)
    if trial.state == TrialState.COMPLETE and measurement is not None:
        if "shares_training_of" in user:
            return PrecisionVariantOf(user["shares_training_of"], measurement, Path(user["model"]), reason)
        return Measured(measurement, Path(user["model"]), epochs)
    if trial.state == TrialState.FAIL:
        return Failed(reason)
    if user.get("refused"):
        return Refused(reason, violation_of(trial))
    if user.get("over_budget"):
        return OverLimit(reason, violation_of(trial), measurement if user.get("trained") else None, epochs)
    return Suspended(epochs, reason) if user.get("resumable") else Stopped(epochs, reason)


def violation_of(trial: FrozenTrial) -> float:
    """How far a trial is over its limits."""
    return max([*trial.constraints.values(), LEAST_VIOLATION])


def rungs_of(attributes: Mapping[str, Any], prefix: str) -> dict[int, RungResult]:
    """Epoch to result, of the attributes that begin with a prefix."""
    found = {
        int(epoch): RungResult(**result)
        for key, result in attributes.items()
        if key.startswith(prefix) and (epoch := key.removeprefix(prefix)).isdigit()
    }
    return dict(sorted(found.items()))
