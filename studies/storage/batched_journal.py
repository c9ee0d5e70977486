"""Optuna's journal for one that writes: what belongs together is appended at once, and trials are kept lean.

A journal keeps every trial in memory, and there is no way around that. But most of the weight of thousands is said again and
again: distributions, names of attributes and of fields, short values. Here each of these is one object.

Decisions:
- The lines of the file are Optuna's, in Optuna's order: whoever reads the journal notices nothing.
- Optuna notes where each line of the file begins. Only the end is ever asked for.
"""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.storages.journal._storage import JournalOperation
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.storage.batched_writes import Attributes, End

SHORT = 60
"""Strings of up to so many characters are likely to be said again."""


class BatchedJournalStorage(JournalStorage):
    """A journal file.

    Args:
        path: the file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._distributions: dict[BaseDistribution, BaseDistribution] = {}
        self._file = JournalFileBackend(str(path))
        super().__init__(self._file)
        for trial in self._replay_result._trials.values():
            self._make_lean(trial)

    def open_trial(self, study_id: int, params: Attributes, space: dict[str, BaseDistribution]) -> tuple[int, int]:
        opened = create_trial(state=TrialState.RUNNING, params=dict(params), distributions=dict(space))
        trial_id = self.create_new_trial(study_id, opened)
        trial = self._replay_result.get_trial(trial_id)
        self._make_lean(trial)
        return trial_id, trial.number

    def write_trial(self, trial_id: int, user: Attributes, system: Attributes, end: End | None) -> None:
        lines: list[dict[str, Any]] = [
            {"op_code": code, "trial_id": trial_id, name: {key: value}}
            for code, name, attributes in (
                (JournalOperation.SET_TRIAL_USER_ATTR, "user_attr", user),
                (JournalOperation.SET_TRIAL_SYSTEM_ATTR, "system_attr", system),
            )
            for key, value in attributes.items()
        ]
        if end is not None:
            closed = {
                "state": end[0],
                "values": end[1],
                "datetime_complete": datetime.now(UTC).isoformat(timespec="microseconds"),
            }
            lines.append({"op_code": JournalOperation.SET_TRIAL_STATE_VALUES, "trial_id": trial_id, **closed})
        with self._thread_lock:
            self._sync_with_backend()
            if self._replay_result.get_trial(trial_id).state.is_finished():  # or each of the lines would be refused later on
                raise UpdateFinishedTrialError(f"trial {trial_id} is closed and takes nothing more")
            self._backend.append_logs([{**line, "worker_id": self._replay_result.worker_id} for line in lines])
            self._sync_with_backend()
            self._make_lean(self._replay_result.get_trial(trial_id))

    def _sync_with_backend(self) -> None:
        super()._sync_with_backend()
        offsets, end = self._file._log_number_offset, self._replay_result.log_number_read
        if len(offsets) > 2 and end in offsets:
            self._file._log_number_offset = {0: 0, end: offsets[end]}

    def _make_lean(self, trial: FrozenTrial) -> None:
        trial.distributions = {
            sys.intern(name): self._distributions.setdefault(d, d) for name, d in trial.distributions.items()
        }
        trial.params, trial.user_attrs = _lean(trial.params), _lean(trial.user_attrs)


def _lean(value: Any) -> Any:
    """An equal value whose short strings are shared by all that have them."""
    if isinstance(value, dict):
        return {_lean(key): _lean(held) for key, held in value.items()}
    return sys.intern(value) if type(value) is str and len(value) <= SHORT else value
