"""What a search writes for every trial, in as few calls as its storage allows: one to open it, one for whatever becomes known.

Optuna's storages take an attribute at a time. Those that can do better (`studies.storage.batched_rdb`,
`studies.storage.batched_journal`) are asked for it; others, such as Optuna's own with their caches, are called once for
everything that is to be written.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from optuna.distributions import BaseDistribution
from optuna.storages import BaseStorage
from optuna.trial import TrialState, create_trial

Attributes = Mapping[str, Any]
End = tuple[TrialState, Sequence[float] | None]
"""The state that a trial is closed with, and its values."""


@runtime_checkable
class BatchedWrites(Protocol):
    """A storage that writes several things at a time."""

    def open_trial(self, study_id: int, params: Attributes, space: Mapping[str, BaseDistribution]) -> tuple[int, int]:
        """Opens a trial for given parameters; returns its id and its number."""
        ...

    def write_trial(self, trial_id: int, user: Attributes, system: Attributes, end: End | None) -> None:
        """Writes attributes of an open trial and closes it, if it ends: all or nothing."""
        ...


def open_trial(
    storage: BaseStorage, study_id: int, params: Attributes, space: Mapping[str, BaseDistribution]
) -> tuple[int, int]:
    """Opens a trial in any storage.

    Args:
        storage: where.
        study_id: its study.
        params: value of each parameter.
        space: distribution of each parameter.

    Returns:
        The id of the trial and its number.
    """
    if isinstance(storage, BatchedWrites):
        return storage.open_trial(study_id, params, space)
    opened = create_trial(state=TrialState.RUNNING, params=dict(params), distributions=dict(space))
    trial_id = storage.create_new_trial(study_id, opened)
    return trial_id, storage.get_trial_number_from_id(trial_id)


def write_trial(
    storage: BaseStorage, trial_id: int, user: Attributes, system: Attributes | None = None, end: End | None = None
) -> None:
    """Writes to an open trial in any storage; in one transaction where there are any.

    Args:
        storage: where.
        trial_id: the trial.
        user: attributes for everybody.
        system: attributes for Optuna.
        end: how the trial is closed; None leaves it open.

    Raises:
        UpdateFinishedTrialError: the trial is closed already.
    """
    if isinstance(storage, BatchedWrites):
        storage.write_trial(trial_id, user, system or {}, end)
        return
    for key, value in user.items():
        storage.set_trial_user_attr(trial_id, key, value)
    for key, value in (system or {}).items():
        storage.set_trial_system_attr(trial_id, key, value)
    if end is not None:
        storage.set_trial_state_values(trial_id, *end)
