"""Optuna's SQL storage for one that writes: a transaction for what belongs together, and no trials kept in memory.

Optuna writes each attribute in a transaction of its own and asks for the trial before each, so a trial takes more than a
hundred journeys to the server and back; here it takes about thirty. Its cache keeps every trial that was ever opened or read:
a search needs its trials once, when it starts.

Decisions:
- The tables are Optuna's, and what is written is what Optuna would have written: whoever reads the study notices nothing.
- SQLite and PostgreSQL only; others are left to Optuna, call by call.
- Trials are read in pieces, and equal distributions are one object: of thousands of trials most of the weight is those.
- Distributions are held against those of earlier trials once a process, not once a trial: a study's space does not change.
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy
from optuna.distributions import (
    BaseDistribution,
    check_distribution_compatibility,
    distribution_to_json,
    json_to_distribution,
)
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import RDBStorage
from optuna.storages._rdb import models
from optuna.storages._rdb.storage import _create_scoped_session
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from studies.storage.batched_writes import Attributes, End

PIECE = 500
"""How many trials are read at a time."""
_INSERT: Mapping[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
_OPEN = (TrialState.RUNNING, TrialState.WAITING)


class BatchedRDBStorage(RDBStorage):
    """Optuna's storage, with the calls that a search makes for every trial put together."""

    def __init__(self, url: str, **more: Any) -> None:
        super().__init__(url, **more)
        self._checked: set[tuple[int, str, BaseDistribution]] = set()

    def open_trial(self, study_id: int, params: Attributes, space: Mapping[str, BaseDistribution]) -> tuple[int, int]:
        given = {name: space[name] for name in params}
        with _create_scoped_session(self.scoped_session) as session:
            models.StudyModel.find_or_raise_by_id(study_id, session, for_update=True)  # numbers are given one at a time
            self._check(session, study_id, given)
            before = sqlalchemy.select(sqlalchemy.func.count()).where(models.TrialModel.study_id == study_id)
            trial = models.TrialModel(study_id=study_id, number=before.scalar_subquery(), state=TrialState.RUNNING)
            trial.datetime_start = datetime.now()
            session.add(trial)
            session.flush()
            trial_id, number = int(trial.trial_id), int(trial.number)
            rows = [
                {
                    "trial_id": trial_id,
                    "param_name": name,
                    "param_value": distribution.to_internal_repr(params[name]),
                    "distribution_json": _as_json(distribution),
                }
                for name, distribution in given.items()
            ]
            if rows:
                session.execute(_INSERT[self.engine.name](models.TrialParamModel).values(rows))
        return trial_id, number

    def write_trial(self, trial_id: int, user: Attributes, system: Attributes, end: End | None) -> None:
        with _create_scoped_session(self.scoped_session) as session:
            self._take_open(session, trial_id, end)
            self._put(session, models.TrialUserAttributeModel, trial_id, user)
            self._put(session, models.TrialSystemAttributeModel, trial_id, system)
            values = [] if end is None or end[1] is None else [models.TrialValueModel.value_to_stored_repr(v) for v in end[1]]
            rows = [
                {"trial_id": trial_id, "objective": i, "value": value, "value_type": kind}
                for i, (value, kind) in enumerate(values)
            ]
            if rows:
                session.execute(_INSERT[self.engine.name](models.TrialValueModel).values(rows))

    def get_all_trials(
        self, study_id: int, deepcopy: bool = True, states: Container[TrialState] | None = None
    ) -> list[FrozenTrial]:
        """Every trial, oldest first; they are nobody else's, so nothing needs to be copied."""
        wanted = [state for state in TrialState if states is None or state in states]
        return [trial for piece in self._pieces(study_id, wanted) for trial in self._read(piece)]

    def _take_open(self, session: Session, trial_id: int, end: End | None) -> None:
        """Closes a trial if it is to end; otherwise looks whether it is open.

        Raises:
            UpdateFinishedTrialError: it is not.
        """
        trial = models.TrialModel
        if end is None:
            state = session.execute(sqlalchemy.select(trial.state).where(trial.trial_id == trial_id)).scalar_one()
            found = state in _OPEN
        else:
            ended = models.TrialModel()
            ended.datetime_complete = datetime.now()  # into Optuna's clock
            change = sqlalchemy.update(trial).where(trial.trial_id == trial_id, trial.state.in_(_OPEN))
            new = {"state": end[0], "_datetime_complete_utc": ended._datetime_complete_utc}
            found = session.execute(change.values(new).execution_options(synchronize_session=False)).rowcount > 0  # type: ignore[attr-defined]
        if not found:
            raise UpdateFinishedTrialError(f"trial {trial_id} is closed and takes nothing more")

    def _put(self, session: Session, model: Any, trial_id: int, attributes: Attributes) -> None:
        rows = [{"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attributes.items()]
        if rows:
            insert = _INSERT[self.engine.name](model).values(rows)
            new = {"value_json": insert.excluded.value_json}
            session.execute(insert.on_conflict_do_update(index_elements=[model.trial_id, model.key], set_=new))

    def _check(self, session: Session, study_id: int, space: Mapping[str, BaseDistribution]) -> None:
        """Holds distributions against the first of that name in the study.

        Raises:
            ValueError: a parameter has changed its kind or its categories.
        """
        param, trial = models.TrialParamModel, models.TrialModel
        for name, distribution in space.items():
            if (study_id, name, distribution) in self._checked:
                continue
            query = sqlalchemy.select(param.distribution_json).join(trial, trial.trial_id == param.trial_id)
            query = query.where(trial.study_id == study_id, param.param_name == name).limit(1)
            if (first := session.execute(query).scalar_one_or_none()) is not None:
                check_distribution_compatibility(json_to_distribution(first), distribution)
                self._checked.add((study_id, name, distribution))

    def _pieces(self, study_id: int, states: Sequence[TrialState]) -> Iterator[list[int]]:
        trial = models.TrialModel
        wanted = sqlalchemy.select(trial.trial_id).where(trial.study_id == study_id, trial.state.in_(states))
        with _create_scoped_session(self.scoped_session) as session:
            models.StudyModel.find_or_raise_by_id(study_id, session)
            ids = list(session.execute(wanted.order_by(trial.trial_id)).scalars())
        for begin in range(0, len(ids), PIECE):
            yield ids[begin : begin + PIECE]

    def _read(self, ids: Sequence[int]) -> list[FrozenTrial]:
        """Some trials, as Optuna builds them."""
        trial, value = models.TrialModel, models.TrialValueModel
        with _create_scoped_session(self.scoped_session) as session:

            def of(model: Any, *columns: Any) -> dict[int, list[Any]]:
                found: dict[int, list[Any]] = {}
                query = sqlalchemy.select(model.trial_id, *columns).where(model.trial_id.in_(ids))
                for trial_id, *rest in session.execute(query.order_by(*model.__table__.primary_key)):
                    found.setdefault(trial_id, []).append(rest)
                return found

            param, step = models.TrialParamModel, models.TrialIntermediateValueModel
            params = of(param, param.param_name, param.param_value, param.distribution_json)
            values = of(value, value.objective, value.value, value.value_type)
            user, system = (
                of(model, model.key, model.value_json)
                for model in (models.TrialUserAttributeModel, models.TrialSystemAttributeModel)
            )
            steps = of(step, step.step, step.intermediate_value, step.intermediate_value_type)
            rows: Any = session.execute(sqlalchemy.select(trial).where(trial.trial_id.in_(ids)).order_by(trial.trial_id))
            return [
                FrozenTrial(
                    number=row.number,
                    state=row.state,
                    value=None,
                    values=[value.stored_repr_to_value(*v) for _, *v in sorted(values.get(row.trial_id, []))] or None,
                    datetime_start=row.datetime_start,
                    datetime_complete=row.datetime_complete,
                    params={n: _from_json(d).to_external_repr(v) for n, v, d in params.get(row.trial_id, [])},
                    distributions={n: _from_json(d) for n, _, d in params.get(row.trial_id, [])},
                    user_attrs={key: json.loads(held) for key, held in user.get(row.trial_id, [])},
                    system_attrs={key: json.loads(held) for key, held in system.get(row.trial_id, [])},
                    intermediate_values={
                        s: step.stored_repr_to_intermediate_value(*v) for s, *v in steps.get(row.trial_id, [])
                    },
                    trial_id=row.trial_id,
                )
                for row in rows.scalars()
            ]


@lru_cache(maxsize=1000)
def _from_json(text: str) -> BaseDistribution:
    return json_to_distribution(text)


@lru_cache(maxsize=1000)
def _as_json(distribution: BaseDistribution) -> str:
    return distribution_to_json(distribution)
