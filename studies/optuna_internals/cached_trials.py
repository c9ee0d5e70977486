"""Optuna's cache of finished trials, emptied.

`optuna.storages.get_storage` keeps every finished trial that was read, by the ID of its study. Once a study has been deleted
elsewhere, SQLite gives its ID to the next one, which then seems to have the old trials.
"""

from __future__ import annotations

from optuna.storages import BaseStorage
from optuna.storages._cached_storage import _CachedStorage, _StudyInfo


def forget_cached_trials(storage: BaseStorage) -> None:
    """Makes a storage read all trials from its database again; one without a cache stays as it is."""
    if isinstance(storage, _CachedStorage):
        with storage._lock:
            for study_id in storage._studies:  # the entries stay: `get_all_trials` reads one a moment after it has made it
                storage._studies[study_id] = _StudyInfo()
            storage._trial_id_to_study_id_and_number.clear()
            storage._study_id_and_number_to_trial_id.clear()
