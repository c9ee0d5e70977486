"""Reads all trials of a study from a SQL storage in six queries.

Optuna reads them with SQLAlchemy's objects, one for each attribute: 12 s of processor time for 10,000 trials, a few times what
this takes. The rows become the same `FrozenTrial`s that Optuna returns.

The tables are Optuna's own business and may change in any release. So this reads only tables of a version that it has been
tested with, and `sql_storage` says of every other storage that Optuna has to be asked.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy
from optuna.distributions import BaseDistribution, json_to_distribution
from optuna.storages import BaseStorage, RDBStorage
from optuna.trial import FrozenTrial, TrialState

TESTED_TABLES = ("v3.2.0.a",)
"""Versions of Optuna's tables that this has been tested with: those of Optuna 3.2 to 5.0."""
INFINITE = {"INF_POS": float("inf"), "INF_NEG": float("-inf"), "NAN": float("nan")}
"""How Optuna's tables name values that not every database can hold."""


def sql_storage(storage: BaseStorage) -> RDBStorage | None:
    """The SQL storage behind a storage of `studies.storage.backends`, if its tables can be read here; otherwise None."""
    inner = getattr(storage, "wrapped", storage)
    inner = getattr(inner, "_backend", inner)
    if not isinstance(inner, RDBStorage):
        return None
    return inner if inner.get_current_version() in TESTED_TABLES else None


def read_trials(storage: RDBStorage, study_id: int, states: Collection[TrialState] = ()) -> list[FrozenTrial]:
    """Reads the trials of a study.

    Args:
        storage: one that `sql_storage` returned.
        study_id: of the study.
        states: only trials in these states; empty means all.

    Returns:
        The trials, oldest first.
    """
    which = "trials.study_id = :study"
    if states:
        which += f" AND trials.state IN ({', '.join(repr(state.name) for state in states)})"

    def rows(table: str, *columns: str) -> list[Any]:
        names = ", ".join(f"{table}.{column}" for column in columns)
        joined = "" if table == "trials" else f" JOIN trials ON trials.trial_id = {table}.trial_id"
        query = sqlalchemy.text(f"SELECT {names} FROM {table}{joined} WHERE {which} ORDER BY {table}.{columns[0]}")
        return list(connection.execute(query, {"study": study_id}))

    with storage.engine.connect() as connection:
        trials = rows("trials", "trial_id", "number", "state", "datetime_start", "datetime_complete")
        params = rows("trial_params", "param_id", "trial_id", "param_name", "param_value", "distribution_json")
        values = rows("trial_values", "objective", "trial_id", "value", "value_type")
        steps = rows("trial_intermediate_values", "step", "trial_id", "intermediate_value", "intermediate_value_type")
        user = rows("trial_user_attributes", "trial_id", "key", "value_json")
        system = rows("trial_system_attributes", "trial_id", "key", "value_json")
    of_params, of_values, of_steps = _params(params), _values(values), _steps(steps)
    of_user, of_system = _attributes(user), _attributes(system)
    return [
        FrozenTrial(
            number=number,
            state=TrialState[state],
            value=None,
            values=of_values.get(trial_id),
            datetime_start=_local(began),
            datetime_complete=_local(ended),
            params=of_params[trial_id][0],
            distributions=of_params[trial_id][1],
            user_attrs=of_user[trial_id],
            system_attrs=of_system[trial_id],
            intermediate_values=of_steps[trial_id],
            trial_id=trial_id,
        )
        for trial_id, number, state, began, ended in trials
    ]


def _params(rows: list[Any]) -> dict[int, tuple[dict[str, Any], dict[str, BaseDistribution]]]:
    found: dict[int, tuple[dict[str, Any], dict[str, BaseDistribution]]] = defaultdict(lambda: ({}, {}))
    for _, trial_id, name, value, written in rows:
        distribution = _distribution(written)
        params, distributions = found[trial_id]
        params[name], distributions[name] = distribution.to_external_repr(value), distribution
    return found


@lru_cache(maxsize=1024)
def _distribution(written: str) -> BaseDistribution:
    """A distribution; a study has one for each parameter, and every trial repeats it."""
    return json_to_distribution(written)


def _values(rows: list[Any]) -> dict[int, list[float]]:
    """Values of the objectives, in their order."""
    found: dict[int, list[float]] = defaultdict(list)
    for _, trial_id, value, kind in rows:
        found[trial_id].append(INFINITE.get(kind, value))
    return found


def _steps(rows: list[Any]) -> dict[int, dict[int, float]]:
    found: dict[int, dict[int, float]] = defaultdict(dict)
    for step, trial_id, value, kind in rows:
        found[trial_id][step] = INFINITE.get(kind, value)
    return found


def _local(written: datetime | str | None) -> datetime | None:
    """A time of Optuna's tables, naive and in UTC, as naive local time; SQLite returns text."""
    if written is None:
        return None
    at = datetime.fromisoformat(written) if isinstance(written, str) else written
    return at.replace(tzinfo=UTC).astimezone().replace(tzinfo=None)


def _attributes(rows: list[Any]) -> dict[int, dict[str, Any]]:
    found: dict[int, dict[str, Any]] = defaultdict(dict)
    for trial_id, key, written in rows:
        found[trial_id][key] = json.loads(written)
    return found
