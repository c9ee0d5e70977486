"""The state in which Optuna has a closed trial; `studies.storage.outcomes` says why."""

from __future__ import annotations

from typing import assert_never

from optuna.trial import TrialState

from studies.storage.outcomes import (
    CheckpointOf,
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


def state_of(outcome: Outcome) -> TrialState:
    """The Optuna state that a trial is closed with."""
    match outcome:
        case Running():
            return TrialState.RUNNING
        case Measured() | PrecisionVariantOf() | CheckpointOf():
            return TrialState.COMPLETE
        case Failed():
            return TrialState.FAIL
        case Stopped() | Suspended() | OverLimit() | Refused():
            return TrialState.PRUNED
        case Duplicate(result=result):
            return TrialState.PRUNED if result is None else state_of(result)
        case _:
            assert_never(outcome)
