"""What is read from the tables at once is what Optuna returns."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import TrialState, create_trial

from studies.storage import bulk_read
from studies.storage.backends import open_storage
from studies.storage.bulk_read import read_trials, sql_storage


def test_the_trials_are_those_of_optuna(tmp_path: Path) -> None:
    storage = open_storage(f"sqlite:///{tmp_path}/studies.db")
    study, other = (optuna.create_study(storage=storage, study_name=name, directions=["maximize"] * 2) for name in "ab")
    space = {
        "c": CategoricalDistribution((None, "x", 3)),
        "i": IntDistribution(1, 9, step=2),
        "f": FloatDistribution(1e-5, 1, log=True),
    }
    params = {"c": None, "i": 5, "f": 0.125}
    attributes = {
        "user_attrs": {"text": "ä", "none": None, "table": {"a": [1, 2.5]}},
        "system_attrs": {"constraints:limits": 0.5},
    }
    of_each = {"params": params, "distributions": space, **attributes}
    study.add_trial(create_trial(values=[0.5, float("inf")], intermediate_values={1: float("inf"), 3: 0.5}, **of_each))
    study.add_trial(create_trial(state=TrialState.RUNNING, params={"c": 3}, distributions={"c": space["c"]}))
    other.add_trial(create_trial(values=[1.0, 2.0]))
    study.add_trial(create_trial(state=TrialState.PRUNED, **of_each))
    study.enqueue_trial({"i": 7})
    tables = sql_storage(storage)
    assert tables is not None
    assert read_trials(tables, study._study_id) == study.get_trials()
    some = (TrialState.COMPLETE, TrialState.RUNNING)
    assert read_trials(tables, study._study_id, some) == study.get_trials(states=some)


def test_only_tables_that_are_known_are_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sql_storage(open_storage(f"journal:{tmp_path}/studies.journal")) is None
    url = f"sqlite:///{tmp_path}/studies.db"
    assert sql_storage(open_storage(url)) is not None and sql_storage(open_storage(url, print)) is not None
    monkeypatch.setattr(bulk_read, "TESTED_TABLES", ("v9",))
    assert sql_storage(open_storage(url)) is None
