"""Optuna's samplers learn from every rung, also from trainings that were stopped."""

import itertools
import math

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, IntDistribution
from optuna.samplers import RandomSampler

from studies.samplers.optuna_based.factory import SAMPLERS
from studies.samplers.optuna_based.per_rung_sampler import PerRungSampler

optuna.logging.set_verbosity(optuna.logging.WARNING)

SPACE = {
    "width_percent": IntDistribution(25, 125, step=25),
    "neck": CategoricalDistribution(("none", "fpn_a", "fpn_d")),
    "encoder_hidden": CategoricalDistribution((96, 32, 48, 64)),
    "prune_percent": IntDistribution(0, 90, step=10),
}
DIRECTIONS = ("maximize", "minimize")


def views(sampler="tpe", seed=0, **more):
    return PerRungSampler(SPACE, DIRECTIONS, sampler, seed, rungs=[1, 3, 9], **more)


def size(params):
    return params["width_percent"] * params["encoder_hidden"] * (100 - params["prune_percent"])


def measured(params, rung):
    """A quick reader needs size and the right neck; more epochs read better."""
    needed = {"none": 0.3, "fpn_a": 0.15, "fpn_d": 0.0}[params["neck"]]
    return [(1 - needed) * (1 - math.exp(-size(params) / 2e5)) * (1 - 0.5 / rung), float(size(params))]


@pytest.fixture
def created(monkeypatch):
    """The Optuna studies that are created, one for each rung."""
    studies, create = [], optuna.create_study

    def record(**named):
        studies.append(create(**named))
        return studies[-1]

    monkeypatch.setattr(optuna, "create_study", record)
    return studies


def key(params):
    return tuple(params[name] for name in SPACE)


@pytest.mark.parametrize("name", SAMPLERS)
def test_every_sampler_proposes_what_lies_in_the_space(name):
    asked = views(name)
    for _ in range(14):
        params = asked.propose()
        assert params["encoder_hidden"] in (32, 48, 64, 96)
        assert list(params) == list(SPACE)
        asked.observe(params, 1, measured(params, 1))
    assert asked.observations(1) == 14


def test_the_deepest_rung_with_enough_observations_is_asked():
    asked = views(min_observations=4)
    met = []
    for i in range(9):
        assert asked.rung_asked() == (3 if i >= 8 else 1)
        met.append(asked.propose())
        asked.observe(met[-1], 1, measured(met[-1], 1))
        if i % 2:
            asked.observe(met[-1], 3, measured(met[-1], 3))
    assert asked.observations(3) == 4
    assert views("random", min_observations=0).rung_asked() == 1  # nothing to learn, so the one with all it has proposed


def test_the_sampler_learns_from_rungs():
    asked, taught = views(seed=3), 0
    for i in range(60):
        params = asked.propose()
        taught += i >= 30 and params["neck"] == "fpn_d"
        for rung in (1, 3, 9)[: 1 + (i % 3 == 0)]:
            asked.observe(params, rung, measured(params, rung))
    assert taught > 15  # a third of 30 by chance


def test_infeasible_parameters_are_avoided():
    asked, limit, refused = views(seed=1), 96 * 125 * 40, []
    for _ in range(80):
        params = asked.propose()
        refused.append(size(params) > limit)
        if refused[-1]:
            asked.add_infeasible(params, size(params) / limit - 1)
        else:
            asked.observe(params, 1, [measured(params, 1)[0], 1.0])  # nothing but the limit speaks for small ones
    by_chance = sum(refused[:10]) / 10
    assert sum(refused[-40:]) / 40 < max(by_chance, 0.3)


def test_nothing_known_or_under_way_is_proposed_again_while_there_is_something_else():
    asked, met, running = views(), set(), []
    for i in range(100):
        params = asked.propose(running)
        assert key(params) not in met
        met.add(key(params))
        running = [*running[-3:], params]
        if i >= 3:
            asked.observe(running[0], 1, measured(running[0], 1))


@pytest.mark.parametrize("name", ["tpe", "nsga2", "random"])
def test_a_small_space_is_searched_to_its_last_combination(name):
    small = {"width_percent": IntDistribution(25, 125, step=25), "encoder_hidden": CategoricalDistribution((96, 32, 48))}
    asked, met = PerRungSampler(small, DIRECTIONS, name, rungs=[1]), set()
    for _ in range(15):
        params = asked.propose()
        met.add(tuple(params.values()))
        asked.observe(params, 1, [params["encoder_hidden"] / 100, params["width_percent"]])
    assert len(met) == 15


def test_a_used_up_space_is_answered_with_a_repetition():
    tiny = {"neck": CategoricalDistribution(("none", "fpn_a"))}
    asked = PerRungSampler(tiny, DIRECTIONS, rungs=[1])
    for neck in ("none", "fpn_a"):
        asked.observe({"neck": neck}, 1, [0.5, 1.0])
    assert asked.propose()["neck"] in ("none", "fpn_a")


def test_a_second_result_of_the_same_parameters_is_passed_over():
    asked = views()
    params = asked.propose()
    asked.observe(params, 1, [0.5, 10.0])
    asked.observe(params, 1, [0.9, 10.0])
    asked.add_infeasible(params)
    assert asked.observations(1) == 1


def test_models_from_outside_the_space_are_passed_over():
    asked = views()
    inside = {"width_percent": 50, "neck": "none", "encoder_hidden": 48, "prune_percent": 0}
    for change in ({"width_percent": 60}, {"neck": "fpn_b"}, {"encoder_hidden": 40}, {"width_percent": 150}):
        asked.observe(inside | change, 1, [0.5, 1.0])
    asked.observe({"width_percent": 50}, 1, [0.5, 1.0])
    assert asked.observations(1) == 0
    asked.observe(inside, 1, [0.5, 1.0])
    assert asked.observations(1) == 1


def test_a_result_that_is_not_a_number_is_infeasible():
    asked = views()
    params = asked.propose()
    asked.observe(params, 1, [math.nan, 10.0])
    assert asked.observations(1) == 0
    with pytest.raises(ValueError, match="2 epochs is not a rung"):
        asked.observe(params, 2, [0.5, 1.0])


def test_a_rebuilt_sampler_does_not_repeat_its_start():
    first = views()
    begun = [first.propose() for _ in range(5)]
    for params in begun:
        first.observe(params, 1, measured(params, 1))
    rebuilt = views()
    for params in begun:
        rebuilt.observe(params, 1, measured(params, 1))
    fresh = views()
    assert key(fresh.propose()) == key(begun[0])
    assert key(rebuilt.propose()) not in {key(p) for p in begun}


@pytest.mark.parametrize("name", ["nsga2", "nsga3"])
def test_genetic_samplers_get_past_their_first_generation(name, created):
    asked = views(name)
    for _ in range(80):
        params = asked.propose()
        asked.observe(params, 1, measured(params, 1))
    study = created[0]
    generations = [study.sampler.get_trial_generation(study, trial) for trial in study.trials if trial.values]
    assert max(generations) >= 2


def test_proposals_that_are_not_taken_leave_nothing_behind(created):
    asked = PerRungSampler({"neck": SPACE["neck"], "prune_percent": SPACE["prune_percent"]}, DIRECTIONS, "random", rungs=[1])
    for i in range(30):
        asked.observe(asked.propose(), 1, [i / 30, 1.0])
    for _ in range(10):
        asked.propose()
    assert len(created[0].trials) <= 30 + 1, "a trial for each observation, and the one that is asked for"


def test_all_trials_use_the_same_distributions(created):
    asked = views()
    for i in range(20):
        params = asked.propose()
        asked.observe(params, 1, [i / 20, 1.0])
    asked.observe({"width_percent": 25, "neck": "none", "encoder_hidden": 32, "prune_percent": 0}, 1, [0.5, 1.0])
    trials = created[0].get_trials(deepcopy=False)
    assert len({id(trial.distributions) for trial in trials if trial.params}) == 1


def test_a_sampler_that_only_repeats_itself_is_asked_less_often(monkeypatch):
    proposals = []

    class Counting(RandomSampler):
        def sample_independent(self, study, trial, name, distribution):
            if name == "neck":
                proposals.append(name)
            return super().sample_independent(study, trial, name, distribution)

    monkeypatch.setitem(SAMPLERS, "random", lambda seed: Counting(seed=seed))
    asked = views("random")
    for values in itertools.product(range(25, 126, 25), ("none", "fpn_a", "fpn_d"), (96, 32, 48, 64), range(0, 91, 10)):
        asked.observe(dict(zip(SPACE, values, strict=True)), 1, [0.5, 1.0])
    counts = []
    for _ in range(6):
        proposals.clear()
        asked.propose()
        counts.append(len(proposals))
    assert counts == [21, 11, 6, 3, 3, 3]
