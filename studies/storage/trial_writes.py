"""Opens, writes and closes trials through the interface of any Optuna storage.

Only `studies.storage.study_store` uses this. What closes the trials of a search is `studies.run.trial_recorder`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

from studies.optuna_internals.attribute_writes import set_trial_attributes
from studies.storage.backends import RetryingStorage

End = tuple[TrialState, Sequence[float] | None]
"""The state that a trial is closed with, and the values of its objectives."""


def open_trial(
    storage: BaseStorage, study_id: int, params: Mapping[str, Any], space: Mapping[str, BaseDistribution]
) -> tuple[int, int]:
    """Opens a trial for given parameters.

    Args:
        storage: the storage.
        study_id: the study's id in it.
        params: value of each parameter.
        space: distribution of each parameter.

    Returns:
        The trial's id and its number.
    """
    opened = create_trial(state=TrialState.RUNNING, params=dict(params), distributions=dict(space))
    trial_id = storage.create_new_trial(study_id, opened)
    return trial_id, storage.get_trial_number_from_id(trial_id)


def write_trial(
    storage: BaseStorage,
    trial_id: int,
    user: Mapping[str, Any],
    system: Mapping[str, Any] | None = None,
    end: End | None = None,
) -> None:
    """Writes attributes of an open trial, then closes it.

    The state is written last, so a reader who sees a closed trial sees all its attributes. A process that is killed in between
    leaves an open trial with the attributes, or in a journal file with some of them; the next run of the study resumes that
    trial and writes them again.

    Args:
        storage: the storage.
        trial_id: the trial's id in it.
        user: user attributes.
        system: system attributes, which Optuna's samplers read.
        end: how the trial is closed; None leaves it open.

    Raises:
        UpdateFinishedTrialError: the trial is closed already.
    """
    if isinstance(storage, RetryingStorage):
        storage.set_trial_attributes(trial_id, user, system or {})
    else:
        set_trial_attributes(storage, trial_id, user, system or {})
    if end is not None:
        storage.set_trial_state_values(trial_id, *end)
