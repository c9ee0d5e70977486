"""What matters when much is known: long fronts, many trainings, failures, and what nothing can improve any more."""

from __future__ import annotations

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution

from studies.objectives.pareto import not_dominated
from studies.samplers.front import candidates, sampler
from studies.samplers.front.encoding import SpaceEncoder, to_row
from studies.samplers.front.feasibility import KnownCosts
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache, MultiFidelityGP, RungData
from studies.samplers.front.observations import Observations
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.surrogate import Surrogate
from studies.samplers.front.training_cost import EpochCost, TrainingCost

DIRECTIONS = ("maximize", "minimize")
LONG = {f"x{i}": IntDistribution(0, 99) for i in range(3)}


def surrogate_of(space, values, rungs=(1,), infeasible=frozenset()):
    """A surrogate of rows to their values at the highest rung."""
    encoder = SpaceEncoder(space)
    observed = Observations(encoder.fields, 2, rungs)
    for row, point in values.items():
        observed.add(row, rungs[-1], point)
    caches = [HyperparameterCache(), HyperparameterCache()]
    return Surrogate(encoder, rungs, observed.table(), observed.reached, KnownCosts(), (), [], caches, infeasible=infeasible)


def test_neighbours_are_looked_for_along_the_whole_front(monkeypatch):
    """All of a long front are best; those with the lowest first field are no better."""
    values = {(float(x), 50.0, 50.0): (x / 99, 1 - x / 99) for x in range(0, 100, 2)}
    surrogate = surrogate_of(LONG, values)
    assert len(surrogate.front_rows()) == 50
    monkeypatch.setattr(candidates, "RANDOM_CANDIDATES", 1)
    monkeypatch.setattr(candidates, "STEP_SIZES", (0.001,))
    found = candidates.Candidates(SpaceEncoder(LONG)).rows(surrogate, set(), np.random.default_rng(0))
    quarters = np.histogram(found[:, 0], bins=4, range=(0, 99))[0] / len(found)
    assert (quarters > 0.15).all(), quarters


def test_where_the_front_is_short_the_next_best_have_neighbours_too():
    values = {
        (float(x), float(y), 50.0): (x / 99 + y / 99, 1 - x / 99 + y / 99) for x in range(0, 90, 30) for y in range(5, 50, 9)
    }
    surrogate = surrogate_of(LONG, values)
    best = surrogate.best_rows(8)
    assert len(surrogate.front_rows()) == 3 and len(best) == len({tuple(row) for row in best.tolist()}) == 8
    assert len(surrogate_of(LONG, dict(list(values.items())[:2])).best_rows(8)) == 2


def test_a_training_that_failed_is_on_no_front_but_is_learnt_from():
    values = {(float(x), 50.0, 50.0): (x / 99, 1 - x / 99) for x in range(0, 100, 5)}
    failed = (42.0, 50.0, 50.0)
    values[failed] = (0.1, 0.1)
    known, without = surrogate_of(LONG, values), surrogate_of(LONG, values, infeasible={failed})
    assert failed in map(to_row, known.front_rows()) and failed not in map(to_row, without.front_rows())
    assert len(without.front_rows()) == 20 and len(known.front_rows()) < 20
    near = np.array([[43.0, 50.0, 50.0]])
    assert np.allclose(known.predict(near)[0], without.predict(near)[0])
    gains = [s.expected_improvement(*s.predict(near))[0] for s in (known, without)]
    assert gains[1] > gains[0]


def test_hyperparameters_are_fitted_again_however_many_trainings_there_are():
    cache, fits = HyperparameterCache(), []
    for total in (240, 250, 400, 1000):
        fits.append(cache.start(0, total, 3)[1])
        cache.store(0, total, np.zeros(4))
    assert fits == [True, False, True, True]
    points = np.random.default_rng(0).random((20, 2))
    cache, data = HyperparameterCache(), (list(range(20)), points[:, 0].tolist())
    MultiFidelityGP(points, np.arange(2), [RungData(*data, 300)], cache)
    assert not cache.start(0, 310, 2)[1] and cache.start(0, 400, 2)[1]


def test_one_training_stored_in_four_precisions_is_one_observation():
    """Four equal values at one place would say that trainings repeat exactly."""
    by = np.random.default_rng(0)
    x = by.random((40, 4))
    early = x.mean(axis=1) + 0.1 * by.standard_normal(40)
    points = np.array([[*row, precision / 3] for row in x for precision in range(4)])
    data = RungData(list(range(160)), early.repeat(4).tolist())
    done = RungData(list(range(20)), (0.5 * early[:5].repeat(4) + 0.01 * np.tile(np.arange(4), 5)).tolist())
    apart = MultiFidelityGP(points, np.arange(5), [data, done])
    together = MultiFidelityGP(points, np.arange(5), [data, done], shared=np.array([False] * 4 + [True]))
    noises = [model._models[0].delta.noise * model._models[0].std ** 2 for model in (apart, together)]
    assert noises[0] < 0.02**2 and 0.05**2 < noises[1] < 0.2**2
    new = np.array([[0.5, 0.5, 0.5, 0.5, precision / 3] for precision in range(4)])
    assert (np.diff(together.predict(new)[0]) > 0).all(), "at the last rung each precision has values of its own"


@pytest.mark.parametrize(("rounds", "designed"), [(3, range(7, 26)), (60, range(3, 7))])
def test_where_most_of_the_space_cannot_be_built_the_next_best_is_proposed(rounds, designed, monkeypatch):
    """And not one that fills the space, as three rounds of checks often end with."""
    space = {f"x{i}": IntDistribution(0, 5) for i in range(4)}

    def costs(params):
        odd = (params["x0"] * 7 + params["x1"] * 3 + params["x2"] * 5 + params["x3"]) % 3
        return None if odd else ([1.0 + sum(params.values())], True)

    asked = FrontSampler(space, DIRECTIONS, 0, (1,), ("linear", "log"), (1,), costs)
    found, genuine = [], asked._initial_design.select
    monkeypatch.setattr(asked._initial_design, "select", lambda *args: found.append(args) or genuine(*args))
    monkeypatch.setattr(sampler, "ENOUGH_COSTS", 10)
    monkeypatch.setattr(sampler, "MOST_REFUSED", rounds)
    for _ in range(25):
        params = asked.propose()
        asked.observe(params, 1, [1 - abs(params["x0"] - 3) / 6 - params["x1"] / 20, 1.0 + sum(params.values())])
    assert len(found) in designed, "three of them are the initial design"


def test_costs_are_learnt_from_all_over_a_sorted_space():
    """A resumed study asks for the rows of a small space in their order."""
    encoder = SpaceEncoder({"width": IntDistribution(1, 40), "depth": IntDistribution(1, 5)})
    cost = TrainingCost(encoder, lambda row: row, EpochCost(lambda params: float(params["width"] ** 2)))
    predicted = cost.of(encoder.all_rows())
    true = np.array([encoder.decode(row)["width"] ** 2 for row in encoder.all_rows()], dtype=float)
    wide = true > 100
    assert np.median(np.abs(np.log(predicted[wide] / true[wide]))) < 0.2


@pytest.mark.parametrize("asked_again", [False, True])
def test_a_first_candidate_that_is_too_large_in_one_form_is_tried_in_the_other(asked_again):
    space = {"width": IntDistribution(1, 9), "precision": CategoricalDistribution(("fp32", "int8"))}

    def costs(params):
        size = params["width"] * (4.0 if params["precision"] == "fp32" else 1.0)
        return [size], size <= 10

    forms = [{"width": 6, "precision": precision} for precision in ("fp32", "int8")]
    asked = FrontSampler(space, DIRECTIONS, 0, (1,), ("linear", "log"), (1,), costs, {1: 10}, "precision", first=[forms])
    if asked_again:
        asked.best_to_resume([])
        asked.add_infeasible({"width": 9, "precision": "fp32"})
    assert asked.propose() == forms[1]


def test_larger_than_what_reads_everything_is_hardly_tried_any_more():
    """An accuracy has no room above 1, whatever the standard deviation of its prediction."""
    space = {f"x{i}": IntDistribution(0, 9) for i in range(4)}
    by = np.random.default_rng(0)
    wasted = {}
    for best_values in ({}, {0: 1.0}):
        asked = FrontSampler(
            space,
            DIRECTIONS,
            0,
            (1,),
            ("linear", "log"),
            (1,),
            lambda p: ([float(2 ** p["x0"])], True),
            best_values=best_values,
        )
        smallest, count = np.inf, 0
        for number in range(40):
            params = asked.propose()
            size = float(2 ** params["x0"])
            count += number >= 10 and size > smallest
            error = max(0.0, 0.5 - 0.1 * params["x0"] + 0.04 * abs(params["x1"] - 5) + 0.02 * by.standard_normal())
            smallest = min(smallest, size) if error == 0 else smallest
            asked.observe(params, 1, [1 - error, size])
        wasted[len(best_values)] = count
    assert wasted[1] < 0.5 * wasted[0], wasted


def test_the_rows_that_are_considered_do_not_depend_on_their_first_field():
    """Where more are equally good than are considered."""
    observed = Observations(3, 2, (1,))
    for x in range(100):
        observed.add((float(x), 50.0, 50.0), 1, (x / 99, 1 - x / 99))
    table = observed.table()
    assert not_dominated(table.values).all()
    kept = table.best(20).matrix[:, 0]
    assert (np.histogram(kept, bins=4, range=(0, 99))[0] >= 1).all()


@pytest.mark.parametrize("running", [[], [{"x0": 9, "x1": 9, "x2": 9}]])
def test_where_all_trainings_failed_the_search_goes_on(running):
    asked = FrontSampler(LONG, DIRECTIONS, 0, (1, 9))
    for x in range(8):
        asked.observe({"x0": x, "x1": 3 * x, "x2": 50}, 1, [0.1 + x / 20, 1000.0 * (x + 1)])
        asked.add_infeasible({"x0": x, "x1": 3 * x, "x2": 50})
    assert set(asked.propose(running)) == set(LONG)
    assert asked.best_to_resume([]) is None


def test_few_costs_are_computed_where_nothing_is_refused_however_hard_they_are_to_predict():
    by, asked_for = np.random.default_rng(0), []
    noise = {}

    def costs(params):
        asked_for.append(params)
        key = tuple(params.values())
        return [float(np.exp(sum(key) / 100 + noise.setdefault(key, by.normal() * 0.5)))], True

    asked = FrontSampler(LONG, DIRECTIONS, 0, (1,), ("linear", "log"), (1,), costs)
    most = 0
    for _ in range(20):
        before = len(asked_for)
        params = asked.propose()
        most = max(most, len(asked_for) - before)
        asked.observe(params, 1, [1 - abs(params["x0"] - 30) / 100, costs(params)[0][0]])
    assert most <= 20, most
