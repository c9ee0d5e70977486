"""Early stopping by gain: which training resumes first, which wait, and that thousands of paused ones are scored at once."""

import itertools

import numpy as np
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution

from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.training_cost import EpochCost
from studies.schedulers.decisions import Decision
from studies.schedulers.expected_gain import ExpectedGainStopping
from testing.synthetic_readers import GRID, VALUES, accuracy_of, size_of

DIRECTIONS = ("maximize", "minimize")
RUNGS = (1, 3, 9)
CHOICES = [dict(zip(VALUES, choice, strict=True)) for choice in itertools.product(*VALUES.values())]


def a_rule(space=GRID, **more):
    costs = lambda params: ([size_of(params)], True)  # noqa: E731
    sampler = FrontSampler(space, DIRECTIONS, 0, RUNGS, ("linear", "log"), (1,), costs, **more)
    return ExpectedGainStopping(RUNGS, sampler), sampler


def record(rule, sampler, trial, params, rung):
    value = accuracy_of(params, rung)
    sampler.observe(params, rung, [value, size_of(params)])
    rule.record(trial, rung, (1 - value, size_of(params)), params)


def some(count, seed=0):
    return [CHOICES[i] for i in np.random.default_rng(seed).permutation(len(CHOICES))[:count]]


def test_the_first_continues_and_the_others_wait_until_it_is_worth_it():
    rule, sampler = a_rule()
    decided = []
    for trial, params in enumerate(some(12)):
        record(rule, sampler, trial, params, 1)
        decided.append(rule.decide(trial, 1))
    assert decided[0] is Decision.CONTINUE and decided.count(Decision.PAUSE) >= 8
    promoted = set()
    while (promotion := rule.next_promotion(force=True)) is not None:
        assert promotion.trial not in promoted and decided[promotion.trial] is Decision.PAUSE and promotion.until == 3
        promoted.add(promotion.trial)
    assert promoted == {trial for trial, decision in enumerate(decided) if decision is Decision.PAUSE}


def test_replaying_in_any_order_rebuilds_the_state():
    records = [(trial, params, rung) for trial, params in enumerate(some(14)) for rung in RUNGS[: 1 + (trial % 4 == 0)]]
    found = []
    for order in (records, records[::-1], sorted(records * 2, key=lambda r: (r[2], -r[0]))):
        rule, sampler = a_rule()
        for trial, params, rung in order:
            record(rule, sampler, trial, params, rung)
        found.append([rule.next_promotion(force=True) for _ in range(5)])
    assert found[0] == found[1] == found[2] and found[0][0] is not None


def test_thousands_that_wait_are_looked_at_together(monkeypatch):
    """A resumed search scores every paused trial; the result stays the same until something changes."""
    rule, sampler = a_rule()
    for trial, params in enumerate(some(300)):
        record(rule, sampler, trial, params, 1)
    looks, look = [], sampler.best_to_resume
    monkeypatch.setattr(sampler, "best_to_resume", lambda *args: looks.append(1) or look(*args))
    decisions = [rule.decide(trial, 1) for trial in range(300)]
    going = decisions.count(Decision.CONTINUE)
    assert decisions.count(Decision.PAUSE) == 300 - going and len(looks) <= 1 + going < 60


def test_who_waits_beside_a_finished_precision_variant_is_not_mistaken():
    """Another precision may have been trained to the end, of a known model for instance: nothing is left to gain there."""
    space = {**GRID, "precision": CategoricalDistribution(("fp32", "int8"))}
    rule, sampler = a_rule(space, variant_parameter="precision")
    for trial, params in enumerate(some(20)):
        record(rule, sampler, trial, {**params, "precision": "fp32"}, 1)
    for trial, params in enumerate(some(20)[:6], 20):
        record(rule, sampler, trial, {**params, "precision": "int8"}, 9)
    with np.errstate(divide="raise", invalid="raise"):
        promotion = rule.next_promotion(force=True)
    assert promotion is not None and promotion.trial < 20


@pytest.mark.parametrize("uninformative", [True, False])
def test_at_a_rung_where_nothing_is_learnt_nobody_pauses(uninformative):
    sampler = a_rule()[1]
    rule = ExpectedGainStopping(RUNGS, sampler, uninformative_from=(0.9, float("inf")))
    for trial, params in enumerate(some(9)):
        sampler.observe(params, 1, [0.05, size_of(params)])
        rule.record(trial, 1, (0.95 if uninformative else 0.5, size_of(params)), params)
    decided = [rule.decide(trial, 1) for trial in range(9)]
    assert (set(decided) == {Decision.CONTINUE}) == uninformative


def a_timed_rule(seconds):
    costs = lambda params: ([size_of(params)], True)  # noqa: E731
    sampler = FrontSampler(GRID, DIRECTIONS, 0, RUNGS, ("linear", "log"), (1,), costs, epoch_cost=EpochCost(seconds))
    return ExpectedGainStopping(RUNGS, sampler, limited_time=True), sampler


def test_where_time_is_limited_the_gain_counts_per_second():
    """The training that would be resumed first is resumed later once its epochs take a thousand times as long."""

    def order(seconds):
        rule, sampler = a_timed_rule(seconds)
        for trial, params in enumerate(some(12)):
            record(rule, sampler, trial, params, 1)
        rule.mark_promoted(0, 9)
        found = []
        while (promotion := rule.next_promotion(force=True)) is not None:
            found.append(promotion.trial)
        return found

    even = order(lambda params: 1.0)
    first = some(12)[even[0]]
    assert len(even) == 11 and order(lambda params: 1000.0 if params == first else 1.0).index(even[0]) > 3
    assert order(lambda params: 7.0)[0] == even[0], "only relative costs count"


def test_where_time_is_limited_only_the_first_continues_in_any_case_and_not_beyond_the_second_rung():
    rungs = (1, 3, 9, 27)
    for limited, continued in ((False, [1, 1, 1]), (True, [1, 1, 0])):
        sampler = FrontSampler(GRID, DIRECTIONS, 0, rungs)
        rule = ExpectedGainStopping(rungs, sampler, limited_time=limited)
        counts = []
        for rung in rungs[:-1]:
            decided = []
            for trial, params in enumerate(some(4)):
                record(rule, sampler, trial, params, rung)
                decided.append(rule.decide(trial, rung))
            counts.append(decided[:1].count(Decision.CONTINUE))
            assert Decision.PAUSE in decided
        assert counts == continued


def test_where_time_is_limited_the_training_that_is_far_ahead_continues_although_it_is_slow():
    """Two small ones have been trained further and read as much as each other; nothing is fully trained."""
    rungs = (1, 3, 9, 27)
    small, other, large = ({"x": x} for x in (0.1, 0.2, 0.9))
    sampler = FrontSampler(
        {"x": FloatDistribution(0, 1)}, DIRECTIONS, 0, rungs, ("linear", "log"), (1,),
        lambda params: ([100 + 300 * params["x"]], True), epoch_cost=EpochCost(lambda params: 0.5 + params["x"]),
    )  # fmt: skip
    rule = ExpectedGainStopping(rungs, sampler, limited_time=True)
    curves = {0: (small, {1: 0.38, 3: 0.56, 9: 0.70}), 1: (other, {1: 0.39, 3: 0.56}), 2: (large, {1: 0.66})}
    for trial, (params, curve) in curves.items():
        for rung, accuracy in curve.items():
            sampler.observe(params, rung, [accuracy, 100 + 300 * params["x"]])
            rule.record(trial, rung, (1 - accuracy, 100 + 300 * params["x"]), params)
    promotion = rule.next_promotion(force=True)
    assert promotion is not None and promotion.trial == 2
