"""What is written in one call is what Optuna would have written in many, and is read back as Optuna reads it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import optuna
import pytest
import sqlalchemy
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.exceptions import UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState, create_trial

from studies.storage import batched_rdb
from studies.storage.batched_journal import BatchedJournalStorage
from studies.storage.batched_rdb import BatchedRDBStorage
from studies.storage.batched_writes import open_trial, write_trial

SPACE = {"width": IntDistribution(25, 125, step=25), "neck": CategoricalDistribution(("none", "fpn_a", None))}
PARAMS = {"width": 75, "neck": None}
FACTS = {"digest": "0123", "costs": {"size_bytes": 7, "flops": None}, "rung:3": {"cer": 0.25}}


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'x.db'}"
    served: str = request.getfixturevalue("server").url
    with sqlalchemy.create_engine(served).connect() as connection:
        connection.execute(sqlalchemy.text("DROP SCHEMA public CASCADE"))
        connection.execute(sqlalchemy.text("CREATE SCHEMA public"))
        connection.commit()
    return served


def study_in(storage: BaseStorage) -> int:
    return optuna.create_study(storage=storage, directions=["maximize", "minimize"])._study_id


def written(storage: BaseStorage) -> None:
    """The same few trials in any storage."""
    study_id = study_in(storage)
    complete, stopped, left, empty = (
        open_trial(storage, study_id, PARAMS if i < 3 else {}, SPACE if i < 3 else {})[0] for i in range(4)
    )
    write_trial(storage, complete, FACTS)
    write_trial(storage, complete, {"digest": "4567"}, end=(TrialState.COMPLETE, [0.5, math.inf]))
    write_trial(storage, stopped, {"end_reason": "so"}, {"constraints": [0.5]}, (TrialState.PRUNED, None))
    write_trial(storage, left, FACTS)
    write_trial(storage, empty, {}, end=(TrialState.FAIL, None))


def in_journal(file: Path) -> JournalStorage:
    return JournalStorage(JournalFileBackend(str(file)))


def lines_of(journal: Path) -> list[dict[str, Any]]:
    """All but who wrote it when, and under which name."""
    passing = ("worker_id", "datetime_start", "datetime_complete", "study_name")
    lines = map(json.loads, journal.read_text().splitlines())
    return [{key: value for key, value in line.items() if key not in passing} for line in lines]


def seen(trials: list[FrozenTrial]) -> list[Any]:
    return [
        (t.number, t.state, t.values, t.params, t.distributions, t.user_attrs, t.system_attrs, t.intermediate_values)
        for t in trials
    ]


def test_what_is_written_at_once_is_what_optuna_writes_call_by_call(url: str, tmp_path: Path) -> None:
    ours, optunas = BatchedRDBStorage(url), RDBStorage(f"sqlite:///{tmp_path / 'plain.db'}")
    our_journal, journal = BatchedJournalStorage(tmp_path / "ours.journal"), in_journal(tmp_path / "x.journal")
    for storage in (ours, optunas, our_journal, journal):
        written(storage)
    expected = seen(optunas.get_all_trials(1))
    assert [number for number, *_ in expected] == [0, 1, 2, 3]
    assert seen(ours.get_all_trials(1)) == seen(RDBStorage(url).get_all_trials(1)) == expected
    for read in (our_journal, in_journal(tmp_path / "ours.journal"), BatchedJournalStorage(tmp_path / "ours.journal"), journal):
        assert seen(read.get_all_trials(0)) == expected
    assert lines_of(tmp_path / "ours.journal") == lines_of(tmp_path / "x.journal")


def test_trials_are_read_as_optuna_reads_them(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batched_rdb, "PIECE", 2)
    storage = BatchedRDBStorage(url)
    written(storage)
    reported = create_trial(
        state=TrialState.PRUNED, params=PARAMS, distributions=SPACE, intermediate_values={1: 0.5, 2: math.inf}
    )
    storage.create_new_trial(1, reported)
    theirs = RDBStorage(url)
    for states in (None, (TrialState.PRUNED, TrialState.FAIL), ()):
        ours, expected = storage.get_all_trials(1, states=states), theirs.get_all_trials(1, states=states)
        assert ours == expected and len(ours) == {None: 5, (): 0}.get(states, 3)
    first, second = storage.get_all_trials(1)[:2]
    assert first.distributions["neck"] is second.distributions["neck"], "most of a trial's weight is shared"


@pytest.mark.parametrize("kind", ["sql", "journal"])
def test_a_closed_trial_takes_nothing_more(kind: str, url: str, tmp_path: Path) -> None:
    storage: BaseStorage = BatchedRDBStorage(url) if kind == "sql" else BatchedJournalStorage(tmp_path / "x.journal")
    trial_id, _ = open_trial(storage, study_in(storage), PARAMS, SPACE)
    write_trial(storage, trial_id, {"a": 1}, end=(TrialState.PRUNED, None))
    for end in (None, (TrialState.COMPLETE, [1.0, 2.0])):
        with pytest.raises(UpdateFinishedTrialError):
            write_trial(storage, trial_id, {"a": 2}, end=end)
    (trial,) = storage.get_all_trials(storage.get_all_studies()[0]._study_id)
    assert trial.datetime_complete is not None and trial.datetime_start is not None
    assert trial.user_attrs == {"a": 1} and trial.values is None and trial.datetime_complete >= trial.datetime_start


def test_other_categories_under_the_same_name_are_refused(url: str) -> None:
    storage = BatchedRDBStorage(url)
    study_id = study_in(storage)
    open_trial(storage, study_id, PARAMS, SPACE)
    with pytest.raises(ValueError, match="CategoricalDistribution does not support dynamic value space"):
        open_trial(storage, study_id, {"neck": "none"}, {"neck": CategoricalDistribution(("none", "fpn_d"))})
    assert open_trial(storage, study_id, PARAMS, SPACE)[1] == 1, "what was refused has left nothing"


def test_a_trial_takes_few_journeys_to_the_database(url: str) -> None:
    storage = BatchedRDBStorage(url)
    study_id, statements = study_in(storage), []
    open_trial(storage, study_id, PARAMS, SPACE)
    open_trial(storage, study_id, PARAMS, SPACE)
    sqlalchemy.event.listen(storage.engine, "before_cursor_execute", lambda *call: statements.append(call[2]))
    trial_id, _ = open_trial(storage, study_id, PARAMS, SPACE)
    assert len(statements) <= 4, statements
    write_trial(storage, trial_id, FACTS)
    assert len(statements) <= 6, statements
    write_trial(storage, trial_id, FACTS, {"constraints": [1.0]}, (TrialState.COMPLETE, [0.5, 1.0]))
    assert len(statements) <= 10, statements


def test_what_trials_of_a_journal_have_in_common_is_there_once(tmp_path: Path) -> None:
    written(BatchedJournalStorage(tmp_path / "x.journal"))
    again = BatchedJournalStorage(tmp_path / "x.journal")
    trial_id, _ = open_trial(again, 0, PARAMS, SPACE)
    write_trial(again, trial_id, FACTS)
    first, *_, last = (trial for trial in again.get_all_trials(0, deepcopy=False) if "costs" in trial.user_attrs)
    for name, distribution in SPACE.items():
        assert first.distributions[name] is last.distributions[name] and first.distributions[name] == distribution
    for here, there in zip(first.user_attrs["costs"], last.user_attrs["costs"], strict=True):
        assert here is there
    for _ in range(30):
        write_trial(again, trial_id, FACTS)
    assert len(again._file._log_number_offset) == 2
    assert in_journal(tmp_path / "x.journal").get_trial(trial_id).user_attrs == FACTS
