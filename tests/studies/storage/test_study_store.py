"""What goes into the Optuna study comes back, in states that samplers and boards read right."""

from __future__ import annotations

import time
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.trial import TrialState

from search_space import Architecture, SearchSpace
from studies.definition.study import resolve
from studies.objectives.costs import Costs
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.lease import LEASE_KEY, Lease, runner_of
from studies.storage.outcomes import Measured, OverLimit
from studies.storage.stored_names import names_of_paretext
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_attributes import STUDY_KEY
from studies.storage.study_parents import PARENTS_KEY, record_parents, recorded_parents
from studies.storage.study_store import StudyStore
from studies.storage.trial_attributes import parse
from studies.workspace.paths import Workspace
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError
from trainers.base.right_lines import RightLines

SPACE = SearchSpace({"width_percent": (25, 50, 100), "encoder_hidden": (24, 48), "head": ("ctc",)})
PARAMS = {"width_percent": 50, "encoder_hidden": 24}


@pytest.fixture
def store(workspace: Workspace) -> StudyStore:
    return StudyStore.create_or_open(open_storage(workspace.optuna_url), resolve({"name": "plates"}, "test"))[0]


def test_only_evenly_spaced_numbers_are_a_range() -> None:
    made = distributions(SPACE)
    assert made == {
        "width_percent": CategoricalDistribution((25, 50, 100)),
        "encoder_hidden": IntDistribution(24, 48, step=24),
    }


def test_the_database_is_in_wal_mode(workspace: Workspace, store: StudyStore) -> None:
    import sqlite3

    with sqlite3.connect(workspace.optuna_file) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_a_complete_trial_comes_back_with_its_measurement(store: StudyStore) -> None:
    proposal = store.ask_params(PARAMS, distributions(SPACE))
    measured = Measurement(0.9, 0.05, 1234, 1.5, 300, 500)
    outcome = Measured(measured, Path("m.onnx"), 40)
    store.close(StoredTrial.of(proposal.number, proposal.params, Architecture(), None, outcome))
    (trial,) = store.trials(TrialState.COMPLETE)
    assert trial.values == [0.9, 1234] and parse(trial).outcome == outcome and parse(trial).architecture == Architecture()


def test_which_lines_are_right_is_kept_out_of_what_people_look_at(store: StudyStore) -> None:
    proposal = store.ask_params(PARAMS, distributions(SPACE))
    right = RightLines.of("0123456789abcdef", [True, False, True])
    outcome = Measured(Measurement(2 / 3, 0.05, 1234, 1.5, 300, 3, right_lines=right), Path("m.onnx"), 40)
    store.close(StoredTrial.of(proposal.number, proposal.params, Architecture(), None, outcome))
    (trial,) = store.trials(TrialState.COMPLETE)
    assert parse(trial).outcome == outcome and "right_lines" not in trial.user_attrs
    assert trial.system_attrs["paretext:right_lines"] == {"digest": "0123456789abcdef", "lines": 3, "bits": "oA=="}


def test_an_infeasible_trial_is_pruned_with_its_violation_where_both_readers_look(store: StudyStore) -> None:
    proposal = store.ask_params(PARAMS, distributions(SPACE))
    store.close(StoredTrial(proposal.number, proposal.params, OverLimit("too big", 0.5)))
    (trial,) = store.trials(TrialState.PRUNED)
    assert trial.constraints["limits"] == 0.5 and trial.system_attrs["constraints"] == [0.5]


def test_parameters_of_some_fields_open_a_trial_with_just_these(store: StudyStore) -> None:
    opened = store.ask_params({"encoder_hidden": 48}, distributions(SPACE))
    assert store.trials()[opened.number].params == opened.params == {"encoder_hidden": 48}


def test_the_resolved_study_is_stored_once_and_read_back(workspace: Workspace, store: StudyStore) -> None:
    again, known = StudyStore.create_or_open(
        open_storage(workspace.optuna_url), resolve({"name": "plates", "recipe": "seed"}, "test")
    )
    assert known and again.study.recipe == "anytime"


def test_an_unknown_study_is_answered_with_the_nearest(workspace: Workspace, store: StudyStore) -> None:
    with pytest.raises(UserError, match="did you mean 'plates'"):
        StudyStore.open(open_storage(workspace.optuna_url), "plate")


def test_a_database_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "x.db").write_bytes(b"this is no database, and long enough to be taken for one" * 20)
    with pytest.raises(UserError, match="cannot be opened"):
        open_storage(f"sqlite:///{tmp_path / 'x.db'}")


def test_nothing_that_optuna_dashboard_shows_is_json(store: StudyStore) -> None:
    """It shows user attributes in columns, which a long one makes thousands of pixels wide."""
    proposal = store.ask_params(PARAMS, distributions(SPACE))
    right = RightLines.of("0123456789abcdef", [True, False, True])
    outcome = Measured(Measurement(2 / 3, 0.05, 1234, 1.5, 300, 3, right_lines=right), Path("m.onnx"), 40)
    store.close(StoredTrial.of(proposal.number, proposal.params, Architecture(), Costs(1200), outcome))
    record_parents(store, [{"name": "starter"}])
    Lease(store, print).take()
    (trial,) = store.trials()
    assert store.optuna_study.user_attrs == {}
    assert trial.user_attrs and all(isinstance(value, str | int | float) for value in trial.user_attrs.values())
    assert recorded_parents(store) == [{"name": "starter"}]


def test_a_study_whose_values_are_in_user_attributes_opens_and_is_written_anew(workspace: Workspace) -> None:
    storage, study = open_storage(workspace.optuna_url), resolve({"name": "plates"}, "test")
    former = optuna.create_study(storage=storage, study_name="plates", directions=["maximize", "minimize"])
    former.set_user_attr(STUDY_KEY, study.model_dump(mode="json"))
    former.set_user_attr(PARENTS_KEY, [{"name": "starter"}])
    former.set_user_attr(LEASE_KEY, {"owner": "elsewhere:7", "until": time.time() + 60})
    store, known = StudyStore.create_or_open(storage, study)
    assert known and store.study == study and store.epochs == study.budget.epochs
    assert recorded_parents(store) == [{"name": "starter"}]
    assert runner_of(store) == "elsewhere:7" and names_of_paretext(storage) == ["plates"]
    longer = study.with_overrides({"budget.epochs": 7})
    store.update_study(longer)
    assert StudyStore.open(storage, "plates").study == longer


def test_a_study_of_another_program_is_refused_in_one_line(workspace: Workspace) -> None:
    storage = open_storage(workspace.optuna_url)
    optuna.create_study(storage=storage, study_name="theirs")
    with pytest.raises(UserError, match="was not made by Paretext"):
        _ = StudyStore.open(storage, "theirs").study
