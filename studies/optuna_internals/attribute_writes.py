"""Several attributes of a trial in one transaction.

Optuna's public methods write one attribute each. In a SQL database each of them is a transaction of its own that looks the
trial up first, so a trial of thirty attributes waits for a server ninety times, and for a disk thirty times.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from optuna.storages import BaseStorage, RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from sqlalchemy.dialects import postgresql, sqlite

INSERTS: Mapping[str, Callable[..., Any]] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
"""By name of an engine: the statement that inserts a row or replaces it."""


def set_trial_attributes(storage: BaseStorage, trial_id: int, user: Mapping[str, Any], system: Mapping[str, Any]) -> None:
    """Writes attributes of an open trial: all or none in SQLite and PostgreSQL, one after the other in other storages.

    Args:
        storage: the storage.
        trial_id: the trial's id in it.
        user: user attributes.
        system: system attributes.

    Raises:
        KeyError: there is no such trial.
        UpdateFinishedTrialError: the trial is closed already.
    """
    if isinstance(storage, RDBStorage) and storage.engine.name in INSERTS:
        _in_one_transaction(storage, trial_id, user, system)
        return
    for key, value in user.items():
        storage.set_trial_user_attr(trial_id, key, value)
    for key, value in system.items():
        storage.set_trial_system_attr(trial_id, key, value)


def _in_one_transaction(storage: RDBStorage, trial_id: int, user: Mapping[str, Any], system: Mapping[str, Any]) -> None:
    insert_into = INSERTS[storage.engine.name]
    with _create_scoped_session(storage.scoped_session, ignore_integrity_error=True) as session:
        trial: Any = models.TrialModel.find_or_raise_by_id(trial_id, session)
        storage.check_trial_is_updatable(trial_id, trial.state)
        for model, attributes in ((models.TrialUserAttributeModel, user), (models.TrialSystemAttributeModel, system)):
            rows = [{"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]
            if rows:
                insert = insert_into(model.__table__)
                replaced = {"value_json": insert.excluded.value_json}
                session.execute(insert.on_conflict_do_update(index_elements=["trial_id", "key"], set_=replaced), rows)
