"""The sampler `front` where an epoch costs seconds: what is fast to train is preferred."""

import itertools

import numpy as np

from studies.samplers.front.training_cost import EpochCost
from testing.synthetic_readers import VALUES, accuracy_of, front_sampler, size_of


def seconds_of(params):
    return (size_of(params) / 1e5) ** 2


def test_proposals_are_faster_to_train_where_an_epoch_costs_seconds():
    def mean_cost(**more):
        costs = []
        for seed in range(3):
            asked = front_sampler(seed=seed, **more)
            for number in range(10):
                params = asked.propose()
                costs.append(seconds_of(params) if number > 2 else 0.0)
                asked.observe(params, 9, [accuracy_of(params), size_of(params)])
        return np.mean(costs)

    assert mean_cost(epoch_cost=EpochCost(seconds_of)) < mean_cost()


def test_the_first_are_among_the_fastest_where_an_epoch_costs_seconds():
    everything = [seconds_of(dict(zip(VALUES, v, strict=True))) for v in itertools.product(*VALUES.values())]
    half, third = np.quantile(everything, 0.55), np.quantile(everything, 0.4)
    for seed in range(5):
        asked, begun = front_sampler(seed=seed, epoch_cost=EpochCost(seconds_of)), []
        for _ in range(3):
            begun.append(asked.propose(begun))
        assert seconds_of(begun[0]) <= half and max(map(seconds_of, begun[1:])) <= third


def test_equal_costs_change_nothing():
    even, timed = front_sampler(seed=1), front_sampler(seed=1, epoch_cost=EpochCost(lambda params: 2.0))
    for params in itertools.islice(
        (dict(zip(VALUES, v, strict=True)) for v in itertools.product(*VALUES.values())), 0, 400, 25
    ):
        for asked in (even, timed):
            asked.observe(params, 9, [accuracy_of(params), size_of(params)])
    assert even._model_and_proposal()[1] == timed._model_and_proposal()[1]


def test_nothing_is_proposed_whose_epochs_take_longer_than_allowed():
    highest = 4.0
    asked = front_sampler(seed=2, epoch_cost=EpochCost(seconds_of, lambda: highest))
    for number in range(16):
        if number == 10:
            highest = 1.0
        params = asked.propose()
        assert seconds_of(params) <= highest, (number, params)
        asked.observe(params, 9, [accuracy_of(params), size_of(params)])


def test_the_initial_design_can_be_shortened():
    rungs = [1, 3, 9, 27]
    assert front_sampler(rungs=rungs)._initial_size == 8
    assert front_sampler(rungs=rungs, initial_trainings=4)._initial_size == 4
