"""The built-in objectives and the example keep the contract of objectives; an added one can be searched for."""

import pytest

from dashboards.views.metrics import column_of
from examples.objective import energy
from studies.definition.study import resolve
from studies.objectives.built_in import accuracy, cer, flops, latency, parameters, size
from studies.objectives.catalog import objectives, objectives_of
from studies.storage.pareto_front import load_front, load_store
from testing.objective_contract import ObjectiveContract
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import run_search
from trainers.base.errors import UserError


class TestAccuracy(ObjectiveContract):
    def make(self):
        return accuracy()


class TestCER(ObjectiveContract):
    def make(self):
        return cer()


class TestSize(ObjectiveContract):
    def make(self):
        return size()


class TestLatency(ObjectiveContract):
    def make(self):
        return latency()


class TestFlops(ObjectiveContract):
    def make(self):
        return flops()


class TestParameters(ObjectiveContract):
    def make(self):
        return parameters()


class TestExample(ObjectiveContract):
    def make(self):
        return energy()


@pytest.fixture
def energy_is_added(monkeypatch):
    monkeypatch.setitem(objectives._registered, "energy", energy)


def test_the_built_in_objectives_are_registered_under_their_names():
    assert {name: objectives[name]().name for name in objectives} == {name: name for name in objectives}
    assert set(objectives) >= {"accuracy", "cer", "size", "latency", "flops", "parameters"}


@pytest.mark.parametrize("sampler", ["front", "random"])
def test_an_added_objective_is_searched_for_stored_and_makes_the_front(workspace, energy_is_added, sampler):
    study = resolve(
        {
            "name": "s",
            "space": {"width_percent": [25, 50, 75, 100], "encoder_hidden": [24]},
            "budget": {"trials": 4, "epochs": 2},
            "search": {"sampler": sampler, "objectives": ["accuracy", "energy"]},
        },
        "test",
    )
    run_search(study, workspace, None, ScriptedEngine())
    store, (reads, costs) = load_store(workspace, "s"), objectives_of(["accuracy", "energy"])
    trials = [trial for trial in store.stored_trials() if trial.measurement is not None]
    assert len(trials) == 4 and store.optuna_study.metric_names == ["accuracy", "energy_uj"]
    for stored, trial in zip(store.trials(), trials, strict=True):
        assert stored.values == [reads.measured(trial.measurement), costs.measured(trial.measurement)]
    front = load_front(workspace, "s")
    assert front and all(0 < costs.measured(point) < float("inf") for point in front)
    del objectives._registered["energy"]
    with pytest.raises(UserError, match=r"study 's' cannot be read: search\.objectives.* no objective is called 'energy'"):
        load_front(workspace, "s")


def test_a_misspelt_added_objective_is_answered_with_the_nearest(energy_is_added):
    with pytest.raises(UserError, match="did you mean 'energy'"):
        resolve({"name": "s", "search": {"objectives": ["accuracy", "enrgy"]}}, "here")


def test_an_added_objective_has_a_column_of_its_name():
    assert column_of(energy()).heading == "energy" and column_of(energy()).write(31.41592) == "31.42"
