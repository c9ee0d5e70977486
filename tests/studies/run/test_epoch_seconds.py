"""Seconds of an epoch are predicted from multiply-adds and measurements."""

import numpy as np
import pytest

from search_space import Architecture
from studies.run.epoch_seconds import EpochSeconds

WIDTHS = range(25, 125, 5)


def flops(architecture: Architecture) -> float:
    return 1e6 * architecture.width_percent


def of(width: int, **more) -> Architecture:
    return Architecture(width_percent=width, **more)


def predictor(lines: int = 2000) -> EpochSeconds:
    return EpochSeconds(flops, lines, [of(50), of(100)])


def test_before_any_measurement_there_is_a_first_guess_that_grows_with_lines_and_multiply_adds():
    assert 0 < predictor()(of(25)) < predictor()(of(100)) < predictor(8000)(of(100))


def test_the_first_measurement_replaces_the_first_guess():
    seconds = predictor()
    seconds.add(of(50), 40.0)
    assert seconds(of(50)) == 40
    assert seconds(of(100)) == pytest.approx(60)  # half of 40 is overhead
    assert seconds(of(25)) == pytest.approx(30)
    assert seconds.typical_s == pytest.approx(40), "the median of what is measured, 40, and of the two drawn, 40 and 60"
    assert seconds.shortest_s == 40
    seconds.longest_s = 50
    seconds.add(of(25), 20.0)
    assert seconds.typical_s == pytest.approx(40), "100 % width is too slow to be proposed: 20, 40 and 40 are left"
    seconds.longest_s = 1
    assert seconds.typical_s == pytest.approx(20), "all are too slow by now: the fastest"


@pytest.mark.parametrize("overhead", [0.0, 5.0, 50.0])
@pytest.mark.parametrize("rate", [0.02, 0.2])
def test_a_few_measurements_show_overhead_and_rate(overhead, rate):
    seconds = predictor()
    for width in (25, 40, 60, 80, 100, 120):
        seconds.add(of(width), overhead + rate * width)
    for width in (30, 70, 110):
        assert seconds(of(width)) == pytest.approx(overhead + rate * width, rel=0.2)


def test_one_epoch_on_a_busy_machine_misleads_nobody():
    seconds, rng = predictor(), np.random.default_rng(0)
    for width in WIDTHS:
        seconds.add(of(width), (2 + 0.1 * width) * rng.uniform(0.9, 1.1) * (12 if width == 60 else 1))
    for width in (33, 77, 111):
        assert seconds(of(width)) == pytest.approx(2 + 0.1 * width, rel=0.2)


def test_what_has_been_measured_takes_as_long_as_it_did_in_every_precision():
    seconds = predictor()
    for took in (9.0, 10.0, 90.0):
        seconds.add(of(50), took)
    assert seconds(of(50)) == seconds(of(50, precision="int8")) == seconds(of(50, prune_percent=30, prune_criterion="l1")) == 10
    assert seconds.measured == 1


def test_multiply_adds_are_counted_once_for_each_training():
    asked = []
    seconds = EpochSeconds(lambda architecture: asked.append(architecture) or 1e6, 2000, [of(50)])
    for _ in range(3):
        seconds(of(50))
        seconds(of(50, precision="int8"))
    assert len(asked) == 1
