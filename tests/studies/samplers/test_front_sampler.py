"""The sampler `front`: finds fronts sooner than chance, keeps to what is known, and depends on nothing but what was added."""

import itertools
import math

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from studies.objectives.pareto import hypervolume
from studies.samplers.front.encoding import SpaceEncoder, to_row
from studies.samplers.front.feasibility import KnownCosts
from studies.samplers.front.initial_design import initial_design_size
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache
from studies.samplers.front.observations import Observations
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.surrogate import Surrogate
from testing.synthetic_readers import GRID, VALUES, accuracy_of, front_sampler, hypervolume_of, log_accuracy_of, size_of
from testing.synthetic_readers import random_search_hypervolume as by_random_search

SQUARE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(1e-4, 1.0, log=True)}
DIRECTIONS = ("maximize", "minimize")


def searched(seed, trainings, reads=accuracy_of):
    asked, met = front_sampler(seed=seed), []
    for _ in range(trainings):
        met.append(asked.propose())
        asked.observe(met[-1], 9, [reads(met[-1]), size_of(met[-1])])
    return met


@pytest.fixture(scope="module")
def searches():
    """Twelve searches of twenty trainings, where only the largest read."""
    return [searched(seed, 20) for seed in range(12)]


def test_twelve_trainings_reach_what_chance_reaches_with_twenty_four():
    ours = np.mean([hypervolume_of(searched(seed, 12, log_accuracy_of), log_accuracy_of) for seed in range(12)])
    assert ours >= by_random_search(VALUES, 24, lambda met: hypervolume_of(met, log_accuracy_of))


@pytest.mark.xfail(
    strict=True,
    reason="the first three leave out the upper quarter of the range of sizes, so what the largest read is predicted too low",
)
def test_twelve_trainings_reach_what_chance_reaches_with_twenty_four_where_only_the_largest_read(searches):
    """So far they reach what chance does with 20. With 0.95 for 0.7 in `initial_design.COST_TARGETS` it would
    hold here."""
    assert np.mean([hypervolume_of(met[:12]) for met in searches]) >= by_random_search(VALUES, 24, hypervolume_of)


def test_twenty_trainings_reach_what_chance_reaches_with_forty_where_only_the_largest_read(searches):
    assert np.mean([hypervolume_of(met) for met in searches]) >= by_random_search(VALUES, 40, hypervolume_of)


def test_learns_from_rungs_what_is_worth_training():
    asked, taught = front_sampler(rungs=(1, 3, 9)), 0
    for i in range(30):
        params = asked.propose()
        taught += i >= 10 and params["neck"] == "fpn_d"
        for rung in (1, 3, 9)[: 1 + (i % 5 == 0)]:
            asked.observe(params, rung, [accuracy_of(params, rung), size_of(params)])
    assert taught > 14  # a third of 20 by chance


def test_what_is_over_a_limit_is_never_proposed():
    limit = 96 * 125 * 30.0
    asked = front_sampler(limit=limit)
    for _ in range(25):
        params = asked.propose()
        assert size_of(params) <= limit
        asked.observe(params, 9, [accuracy_of(params), size_of(params)])


def test_what_cannot_be_built_is_kept_away_from_even_if_nobody_can_tell():
    asked, refused = front_sampler(costs=False, seed=1), []
    for _ in range(30):
        params = asked.propose()
        refused.append(params["neck"] == "fpn_d")  # the best one, if it only could be built
        if refused[-1]:
            asked.add_infeasible(params)
        else:
            asked.observe(params, 9, [accuracy_of(params), size_of(params)])
    assert sum(refused[-15:]) <= 6


def test_the_order_of_what_is_added_does_not_matter():
    first, records = front_sampler(rungs=(1, 3, 9)), []
    for i in range(14):
        params = first.propose()
        for rung in (1, 3, 9)[: 1 + i % 3]:
            records.append((params, rung, [accuracy_of(params, rung), size_of(params)]))
            first.observe(*records[-1])
    forth, back = front_sampler(rungs=(1, 3, 9)), front_sampler(rungs=(1, 3, 9))
    for record in records:
        forth.observe(*record)
    for record in reversed(records + records):
        back.observe(*record)
    assert forth.propose() == back.propose()


@pytest.mark.parametrize("costs", [True, False])
def test_nothing_known_or_under_way_is_proposed_again_until_a_space_is_used_up(costs):
    small = {"width_percent": IntDistribution(25, 125, step=25), "encoder_hidden": CategoricalDistribution((96, 32, 48))}
    known = (lambda p: ([float(p["width_percent"] * p["encoder_hidden"])], True)) if costs else None
    asked, met, running = FrontSampler(small, DIRECTIONS, 0, (1,), None, (1,), known), [], []
    for _ in range(15):
        params = asked.propose(running)
        assert params not in met
        met.append(params)
        running = [*running[-2:], params]
        if len(met) > 2:
            asked.observe(
                running[0], 1, [params["encoder_hidden"] / 100, float(params["width_percent"] * params["encoder_hidden"])]
            )
    assert asked.propose() in met


def test_continuous_spaces_and_two_learnt_objectives():
    asked = FrontSampler(SQUARE, ("minimize", "minimize"), 3)
    for _ in range(25):
        params = asked.propose()
        assert 0 <= params["x"] <= 1 and 1e-4 <= params["y"] <= 1
        spread = math.log10(params["y"]) + 2  # the front lies at y = 0.01, along x
        asked.observe(params, 1, [params["x"] + spread**2, 1 - params["x"] + spread**2])
    best = [params["y"] for params in (asked.propose() for _ in range(3))]
    assert all(2e-3 < y < 5e-2 for y in best)


def test_with_three_objectives_twelve_trainings_reach_what_chance_reaches_with_twenty_four():
    space = {"a": IntDistribution(0, 9), "b": IntDistribution(0, 9), "c": IntDistribution(0, 9)}

    def worth(p):
        return [abs(p["a"] - 7) / 9 + abs(p["b"] - 2) / 9, float(1 + p["c"] + p["a"]), float(10 - p["c"])]

    def costs(p):
        return worth(p)[1:], True

    def covers(met):
        return hypervolume([tuple(worth(p)) for p in met], (2.0, 20.0, 11.0))

    ours = []
    for seed in range(12):
        asked = FrontSampler(space, ("minimize",) * 3, seed, (1,), ("linear", "log", "linear"), (1, 2), costs)
        met = []
        for _ in range(12):
            met.append(asked.propose())
            asked.observe(met[-1], 1, worth(met[-1]))
        ours.append(covers(met))
    assert np.mean(ours) >= by_random_search(dict.fromkeys("abc", range(10)), 24, covers)


@pytest.mark.parametrize(
    "space",
    [
        {"neck": CategoricalDistribution(("none", "fpn_a"))},
        {"neck": CategoricalDistribution(("none",))},
        {"width": IntDistribution(5, 5)},
        {"x": FloatDistribution(0.5, 0.5)},
        {},
    ],
)
def test_spaces_with_hardly_anything_to_choose(space):
    asked = FrontSampler(space, ("minimize", "minimize"), rungs=(1, 3))
    for _ in range(4):
        params = asked.propose()
        assert list(params) == list(space)
        asked.observe(params, 1, [0.5, 10.0])
        asked.observe(params, 3, [0.4, 10.0])
    assert asked.best_to_resume([]) is None


def test_equal_values_and_values_that_are_not_numbers():
    asked = front_sampler()
    for i in range(8):
        params = asked.propose()
        asked.observe(params, 9, [math.nan if i % 2 else 0.5, math.inf if i % 3 == 1 else size_of(params)])
    assert asked.observations(9) == 3
    with pytest.raises(ValueError, match="2 epochs is not a rung"):
        asked.observe(params, 2, [0.5, 1.0])


def test_models_from_outside_the_space_are_passed_over():
    asked = front_sampler()
    inside = {"width_percent": 50, "neck": "none", "encoder_hidden": 48, "prune_percent": 0}
    for change in ({"width_percent": 60}, {"neck": "fpn_b"}, {"encoder_hidden": 40}, {"width_percent": 150}):
        asked.observe(inside | change, 9, [0.5, 1.0])
        assert asked.encode(inside | change) is None
    asked.observe({"width_percent": 50}, 9, [0.5, 1.0])
    assert asked.observations(9) == 0
    asked.observe(inside, 9, [0.5, 1.0])
    assert asked.observations(9) == 1


def test_costs_are_computed_for_few():
    counted = []
    large = {f"x{i}": IntDistribution(0, 9) for i in range(8)}

    def costs(params):
        counted.append(params)
        return [1.0 + sum(params.values())], True

    asked = FrontSampler(large, ("minimize", "minimize"), 0, (1,), None, (1,), costs)
    for _ in range(10):
        params = asked.propose()
        asked.observe(params, 1, [1 / (1 + sum(params.values())), 1.0 + sum(params.values())])
    assert len(counted) < 120


def test_parallel_proposals_are_far_apart():
    asked = FrontSampler(SQUARE, ("minimize", "minimize"), 0)
    for _ in range(6):
        params = asked.propose()
        asked.observe(params, 1, [params["x"], 1 - params["x"]])
    running = []
    for _ in range(4):
        running.append(asked.propose(running))
    xs = sorted(params["x"] for params in running)
    assert min(b - a for a, b in itertools.pairwise(xs)) > 1e-3


def test_a_better_start_at_a_rung_is_best_to_resume_first():
    asked, met = front_sampler(rungs=(1, 3, 9)), []
    for _ in range(10):
        met.append(asked.propose())
        asked.observe(met[-1], 1, [accuracy_of(met[-1], 1), size_of(met[-1])])
    for params in met[:3]:
        for rung in (3, 9):
            asked.observe(params, rung, [accuracy_of(params, rung), size_of(params)])
    best = asked.best_to_resume([asked.encode(params) for params in met[3:]], force=True)
    others = [i for i in range(len(met[3:])) if i != best]
    finished = met[:3]
    assert hypervolume_of([*finished, met[3:][best]]) >= np.median([hypervolume_of([*finished, met[3:][i]]) for i in others])


def test_the_beginning_fits_the_rungs():
    assert initial_design_size([9]) == (3, 3)
    assert initial_design_size([1, 3, 9]) == (3, 3)
    assert initial_design_size([1, 3, 9, 27]) == (8, 1)
    assert initial_design_size([1, 3, 9, 27, 81]) == (8, 1)


def test_of_a_large_study_the_best_are_considered(monkeypatch):
    """And none of the front is among those that are not; what is no longer considered is not proposed again either."""
    monkeypatch.setattr("studies.samplers.front.surrogate.MAX_CONSIDERED", 60)
    asked, by = front_sampler(rungs=(1, 9)), np.random.default_rng(0)
    choices = list(itertools.product(*VALUES.values()))
    met = [dict(zip(VALUES, choices[i], strict=True)) for i in by.permutation(len(choices))[:300]]
    for i, params in enumerate(met):
        asked.observe(params, 1, [accuracy_of(params, 1), size_of(params)])
        if i % 10 == 0:
            asked.observe(params, 9, [accuracy_of(params, 9), size_of(params)])
    finished, paused = met[::10], [params for i, params in enumerate(met) if i % 10]
    best = paused[asked.best_to_resume([asked.encode(params) for params in paused], force=True)]
    more = [hypervolume_of([*finished, params]) for params in paused]
    assert hypervolume_of([*finished, best]) >= np.quantile(more, 0.95)
    assert asked.propose() not in met


def test_a_surrogate_considers_the_best_trainings_only(monkeypatch):
    monkeypatch.setattr("studies.samplers.front.surrogate.MAX_CONSIDERED", 60)
    encoder, rng = SpaceEncoder(GRID), np.random.default_rng(0)
    observations = Observations(encoder.fields, 2, (1, 9))
    for row in {to_row(row) for row in encoder.sample(200, rng)}:
        observations.add(row, 1, tuple(rng.random(2)))
    table, caches = observations.table(), [HyperparameterCache(), HyperparameterCache()]
    surrogate = Surrogate(encoder, (1, 9), table, observations.reached, KnownCosts(), (), [], caches)
    assert [to_row(row) for row in surrogate.rows] == table.best(60).rows and len(surrogate.rows) == 60


def test_taking_up_a_large_study_computes_the_costs_of_few_variants(monkeypatch):
    """Each takes milliseconds: after thousands of trials the next proposal must not wait for all of them."""
    monkeypatch.setattr("studies.samplers.front.precision_variants.MAX_VARIANT_PARENTS", 20)
    space, asked = {**GRID, "precision": CategoricalDistribution(("fp32", "fp16", "int8"))}, []

    def costs(params):
        asked.append(params)
        return [size_of(params)], True

    resumed = FrontSampler(space, DIRECTIONS, 0, (1, 9), ("linear", "log"), (1,), costs, variant_parameter="precision")
    choices = list(itertools.product(*VALUES.values()))
    for i in np.random.default_rng(0).permutation(len(choices))[:200]:
        params = {**dict(zip(VALUES, choices[i], strict=True)), "precision": "fp32"}
        resumed.observe(params, 1, [accuracy_of(params, 1), size_of(params)])
    proposed = resumed.propose()
    assert len(asked) <= 2 * 20 + 20 and proposed["precision"] in ("fp32", "fp16", "int8")
