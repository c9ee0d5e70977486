"""Names of the studies in a storage, also while one of them has damaged values.

Optuna reads all attributes of all studies when it is asked for their names, so that one damaged value would hide every study.
From a SQL storage whose tables are known, only names and keys are read here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage

from studies.storage.backends import RetryingStorage
from studies.storage.bulk_read import sql_storage
from studies.storage.damaged_values import readable
from studies.storage.study_attributes import STUDY_KEY, is_of_paretext
from studies.storage.study_faults import check_may_be_filled

ALL = "SELECT study_name FROM studies ORDER BY study_id"
OURS = (
    "SELECT study_name FROM studies WHERE study_id IN (SELECT study_id FROM study_system_attributes WHERE key = :key) "
    "OR study_id IN (SELECT study_id FROM study_user_attributes WHERE key = :key) ORDER BY study_id"
)


def all_names(storage: BaseStorage) -> list[str]:
    """Names of all studies in a storage, oldest first.

    Raises:
        UserError: they cannot be read.
    """
    return _names(storage, ALL, {}, lambda study: True)


def names_of_paretext(storage: BaseStorage) -> list[str]:
    """Names of the studies of Paretext in a storage, which may hold other studies of Optuna, too; oldest first.

    Raises:
        UserError: they cannot be read.
    """
    return _names(storage, OURS, {"key": STUDY_KEY}, lambda study: is_of_paretext(study.system_attrs, study.user_attrs))


def check_may_begin(storage: BaseStorage, name: str) -> None:
    """Raises ForeignStudy if another program has a study of a name, before anything is prepared for one of Paretext."""
    if name in all_names(storage):
        check_may_be_filled(load_study(storage, name))


def load_study(storage: BaseStorage, name: str) -> optuna.Study:
    """Optuna's study of a name that is there.

    Raises:
        UserError: its row is damaged.
    """
    with readable(f"study '{name}'"):
        return optuna.load_study(study_name=name, storage=storage)


def _names(storage: BaseStorage, query: str, values: dict[str, str], counts: Callable[[Any], bool]) -> list[str]:
    with readable("the list of studies"):
        tables = sql_storage(storage)
        if tables is None:
            return [study.study_name for study in storage.get_all_studies() if counts(study)]
        if isinstance(storage, RetryingStorage):
            names: list[str] = storage.retry(_query, tables, query, values)
            return names
        return _query(tables, query, values)


def _query(tables: RDBStorage, query: str, values: dict[str, str]) -> list[str]:
    with tables.engine.connect() as connection:
        return [row[0] for row in connection.execute(sqlalchemy.text(query), values)]
