"""The sampler `front` where an epoch costs seconds: what is fast to train is preferred."""

import itertools

import numpy as np
from optuna.distributions import FloatDistribution

from studies.samplers.front.sampler import FrontSampler
from testing.synthetic_readers import GRID, VALUES, accuracy_of, size_of

SQUARE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(1e-4, 1.0, log=True)}
DIRECTIONS = ("maximize", "minimize")


def sampler(space=GRID, seed=0, rungs=(9,), costs=True, limit=None, **more):
    told = (lambda params: ([size_of(params)], limit is None or size_of(params) <= limit)) if costs else None
    limits = {} if limit is None else {1: limit}
    return FrontSampler(space, DIRECTIONS, seed, rungs, ("linear", "log"), (1,), told, limits, **more)


def searched(seed, trainings, reads=accuracy_of):
    asked, met = sampler(seed=seed), []
    for _ in range(trainings):
        met.append(asked.propose())
        asked.observe(met[-1], 9, [reads(met[-1]), size_of(met[-1])])
    return met


def seconds_of(params):
    return (size_of(params) / 1e5) ** 2


def test_proposals_are_faster_to_train_where_an_epoch_costs_seconds():
    def mean_cost(**more):
        costs = []
        for seed in range(3):
            asked = sampler(seed=seed, **more)
            for number in range(10):
                params = asked.propose()
                costs.append(seconds_of(params) if number > 2 else 0.0)
                asked.observe(params, 9, [accuracy_of(params), size_of(params)])
        return np.mean(costs)

    assert mean_cost(epoch_cost=seconds_of) < mean_cost()


def test_the_first_two_are_among_the_fastest_third_where_an_epoch_costs_seconds():
    third = np.quantile([seconds_of(dict(zip(VALUES, v, strict=True))) for v in itertools.product(*VALUES.values())], 0.4)
    for seed in range(5):
        asked = sampler(seed=seed, epoch_cost=seconds_of)
        first = asked.propose()
        assert seconds_of(first) <= third and seconds_of(asked.propose([first])) <= third


def test_equal_costs_change_nothing():
    even, timed = sampler(seed=1), sampler(seed=1, epoch_cost=lambda params: 2.0)
    for _ in range(2):  # beyond these the initial design draws from other candidates
        timed.propose(), even.propose()
    for params in itertools.islice(
        (dict(zip(VALUES, v, strict=True)) for v in itertools.product(*VALUES.values())), 0, 400, 25
    ):
        for asked in (even, timed):
            asked.observe(params, 9, [accuracy_of(params), size_of(params)])
    assert even._model_and_proposal()[1] == timed._model_and_proposal()[1]
