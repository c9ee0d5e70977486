"""The attributes of a trial are written before it is closed, in every storage; in a SQL database all of them or none."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, InMemoryStorage
from optuna.trial import TrialState

from studies.storage.backends import open_storage
from studies.storage.trial_writes import open_trial, write_trial
from trainers.base.errors import UserError

SPACE = {"width": IntDistribution(25, 125, step=25), "neck": CategoricalDistribution(("none", "fpn_a", None))}
PARAMS = {"width": 75, "neck": None}
FACTS = {"digest": "0123", "costs": {"size_bytes": 7, "flops": None}, "rung:3": {"cer": 0.25}}


@pytest.fixture(params=["sqlite", "journal", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    if request.param == "journal":
        return f"journal:{tmp_path / 'x.journal'}"
    served: str = request.getfixturevalue("server").url
    with sqlalchemy.create_engine(served).connect() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
        connection.commit()
    return served


def study_in(storage: BaseStorage) -> int:
    study = optuna.create_study(storage=storage, study_name="s", directions=["maximize", "minimize"])
    return storage.get_study_id_from_name(study.study_name)


def test_another_process_reads_what_was_written(url: str) -> None:
    storage = open_storage(url, print)
    study_id = study_in(storage)
    opened = [open_trial(storage, study_id, PARAMS, SPACE) for _ in range(4)]
    complete, stopped, left, failed = (trial_id for trial_id, _ in opened)
    assert [number for _, number in opened] == [0, 1, 2, 3]
    write_trial(storage, complete, FACTS)
    write_trial(storage, complete, {"digest": "4567"}, end=(TrialState.COMPLETE, [0.5, math.inf]))
    write_trial(storage, stopped, {"end_reason": "so"}, {"constraints": [0.5]}, (TrialState.PRUNED, None))
    write_trial(storage, left, FACTS)
    write_trial(storage, failed, {}, end=(TrialState.FAIL, None))
    read = optuna.load_study(study_name="s", storage=open_storage(url)).trials
    states = [TrialState.COMPLETE, TrialState.PRUNED, TrialState.RUNNING, TrialState.FAIL]
    assert [trial.state for trial in read] == states
    assert all(trial.params == PARAMS and trial.distributions == SPACE for trial in read)
    assert read[0].user_attrs == {**FACTS, "digest": "4567"} and read[0].values == [0.5, math.inf]
    assert read[1].user_attrs == {"end_reason": "so"} and read[1].system_attrs == {"constraints": [0.5]}
    assert read[2].user_attrs == FACTS


def test_a_closed_trial_takes_nothing_more(url: str) -> None:
    storage = open_storage(url, print)
    trial_id, _ = open_trial(storage, study_in(storage), PARAMS, SPACE)
    write_trial(storage, trial_id, {"a": 1}, end=(TrialState.PRUNED, None))
    for end in (None, (TrialState.COMPLETE, [1.0, 2.0])):
        with pytest.raises(UpdateFinishedTrialError):
            write_trial(storage, trial_id, {"a": 2}, end=end)
    trial = open_storage(url).get_trial(trial_id)
    assert trial.datetime_complete is not None and trial.datetime_start is not None
    assert trial.user_attrs == {"a": 1} and not trial.values and trial.datetime_complete >= trial.datetime_start


def test_a_trial_is_closed_last() -> None:
    class KilledBetween(InMemoryStorage):
        def set_trial_system_attr(self, trial_id: int, key: str, value: Any) -> None:
            raise KeyboardInterrupt

    storage = KilledBetween()
    trial_id, _ = open_trial(storage, study_in(storage), PARAMS, SPACE)
    constraints: Mapping[str, Any] = {"constraints": [0.5]}
    with pytest.raises(KeyboardInterrupt):
        write_trial(storage, trial_id, FACTS, constraints, (TrialState.PRUNED, None))
    trial = storage.get_trial(trial_id)
    assert trial.state == TrialState.RUNNING and trial.user_attrs == FACTS


def test_attributes_are_written_in_one_transaction_or_not_at_all(url: str) -> None:
    if url.startswith("journal"):
        pytest.skip("a journal file has no transactions")
    storage = open_storage(url, print)
    trial_id, _ = open_trial(storage, study_in(storage), PARAMS, SPACE)
    engine = storage.wrapped.engine  # type: ignore[attr-defined]
    commits = list[object]()
    sqlalchemy.event.listen(engine, "commit", commits.append)
    write_trial(storage, trial_id, FACTS, {"constraints": [0.5]})
    assert len(commits) == 1
    with pytest.raises(TypeError):
        write_trial(storage, trial_id, {"digest": "4567"}, {"constraints": object()})
    trial = open_storage(url).get_trial(trial_id)
    assert trial.user_attrs == FACTS and trial.system_attrs == {"constraints": [0.5]}


def test_a_trial_that_is_not_there_is_one_line(url: str) -> None:
    storage = open_storage(url, print)
    study_in(storage)
    with pytest.raises(UserError, match="it was deleted while this process used it"):
        write_trial(storage, 99, FACTS)
