"""A study has its new name in every storage, and all of its trials with the paths of their models."""

from __future__ import annotations

from pathlib import Path

import optuna
import pytest

from search_space import Architecture
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_attributes import read_value
from studies.storage.study_name import COPY_KEY, follow_parents, rename_stored
from studies.storage.study_parents import record_parents, recorded_parents
from studies.storage.study_store import StudyStore
from testing.small_studies import study
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError


@pytest.fixture(params=["sqlite:///{}/studies.db", "journal:{}/studies.journal"], ids=["SQLite", "journal"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A storage with the study `s`, a measured trial and an open one, and the study `other`, which begins with its model."""
    url = str(request.param).format(tmp_path)
    storage = open_storage(url)
    store, _ = StudyStore.create_or_open(storage, study())
    space = distributions(study().joint_space)
    params = {"width_percent": 50, "encoder_hidden": 24}
    store.ask_params(params, space)
    outcome = Measured(Measurement(0.9, 0.1, 1_000, 0.4, 100, 500), Path("models/s/00000-abc.onnx"), 2)
    store.close(StoredTrial.of(0, params, Architecture(width_percent=50, encoder_hidden=24), None, outcome))
    store.ask_params({"width_percent": 25, "encoder_hidden": 24}, space)
    other, _ = StudyStore.create_or_open(storage, study(name="other"))
    record_parents(other, [{"name": "a", "file": "models/s/00000-abc.onnx"}, {"name": "b", "file": None}])
    return url


def names(url: str) -> list[str]:
    return sorted(optuna.get_all_study_names(open_storage(url)))


def test_the_study_has_its_new_name_everywhere(url: str) -> None:
    metric_names = StudyStore.open(open_storage(url), "s").optuna_study.metric_names
    rename_stored(url, "s", "t")
    follow_parents(url, "s", "t")
    store = StudyStore.open(open_storage(url), "t")
    assert names(url) == ["other", "t"] and store.study == study(name="t")
    closed, is_open = store.stored_trials()
    assert isinstance(closed.outcome, Measured) and closed.outcome.model == Path("models/t/00000-abc.onnx")
    assert is_open.is_open and is_open.params == {"width_percent": 25, "encoder_hidden": 24}
    assert store.optuna_study.metric_names == metric_names and metric_names
    other = StudyStore.open(open_storage(url), "other")
    assert [parent["file"] for parent in recorded_parents(other)] == ["models/t/00000-abc.onnx", None]


def test_a_name_that_is_taken_changes_nothing(url: str) -> None:
    with pytest.raises(UserError, match="a study is called 'other' already"):
        rename_stored(url, "s", "other")
    assert names(url) == ["other", "s"]


def test_a_half_copy_in_a_journal_is_made_again(url: str) -> None:
    if not url.startswith("journal:"):
        return
    storage = open_storage(url)
    half = storage.create_new_study([optuna.study.StudyDirection.MAXIMIZE], "t")
    storage.set_study_system_attr(half, COPY_KEY, "s")
    rename_stored(url, "s", "t")
    assert names(url) == ["other", "t"] and len(StudyStore.open(open_storage(url), "t").stored_trials()) == 2
    assert read_value(StudyStore.open(open_storage(url), "t").optuna_study, COPY_KEY) == ""
