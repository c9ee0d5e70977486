"""The sampler `front` where an epoch costs seconds: what is fast to train is preferred."""

import itertools

import numpy as np

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

    assert mean_cost(epoch_cost=seconds_of) < mean_cost()


def test_the_first_two_are_among_the_fastest_third_where_an_epoch_costs_seconds():
    third = np.quantile([seconds_of(dict(zip(VALUES, v, strict=True))) for v in itertools.product(*VALUES.values())], 0.4)
    for seed in range(5):
        asked = front_sampler(seed=seed, epoch_cost=seconds_of)
        first = asked.propose()
        assert seconds_of(first) <= third and seconds_of(asked.propose([first])) <= third


def test_equal_costs_change_nothing():
    even, timed = front_sampler(seed=1), front_sampler(seed=1, epoch_cost=lambda params: 2.0)
    for _ in range(2):  # beyond these the initial design draws from other candidates
        timed.propose(), even.propose()
    for params in itertools.islice(
        (dict(zip(VALUES, v, strict=True)) for v in itertools.product(*VALUES.values())), 0, 400, 25
    ):
        for asked in (even, timed):
            asked.observe(params, 9, [accuracy_of(params), size_of(params)])
    assert even._model_and_proposal()[1] == timed._model_and_proposal()[1]
