"""Intervals of an accuracy, and the test of two files on the same lines."""

from __future__ import annotations

import itertools
import math

import pytest

from trainers.evaluation.uncertainty import NORMAL_QUANTILE, mcnemar_p, wilson_interval


@pytest.mark.parametrize(("right", "lines"), [(488, 500), (8, 10), (0, 30), (30, 30), (1, 1), (9_999, 10_000)])
def test_the_ends_of_the_interval_are_where_the_accuracy_is_just_possible(right: int, lines: int) -> None:
    accuracy = right / lines
    low, high = wilson_interval(accuracy, lines)
    assert 0 <= low <= accuracy <= high <= 1 and low < high
    for end in (low, high):
        if 0 < end < 1:
            assert abs(accuracy - end) == pytest.approx(NORMAL_QUANTILE * math.sqrt(end * (1 - end) / lines), rel=1e-6)


def test_a_published_interval() -> None:
    """8 of 10, as in Agresti and Coull (1998)."""
    assert wilson_interval(0.8, 10) == pytest.approx((0.490, 0.943), abs=5e-4)


def test_more_lines_make_the_interval_narrower() -> None:
    widths = [high - low for low, high in (wilson_interval(0.9, lines) for lines in (10, 30, 100, 500, 5_000))]
    assert widths == sorted(widths, reverse=True)


@pytest.mark.parametrize(("first", "second"), [(0, 0), (0, 1), (1, 5), (3, 3), (0, 6), (2, 7)])
def test_the_p_value_is_that_of_counting_all_outcomes(first: int, second: int) -> None:
    outcomes = [sum(outcome) for outcome in itertools.product((0, 1), repeat=first + second)]
    middle = (first + second) / 2
    as_far = [right for right in outcomes if abs(right - middle) >= abs(first - middle)]
    assert mcnemar_p(first, second) == mcnemar_p(second, first) == pytest.approx(len(as_far) / len(outcomes))


def test_thousands_of_lines_are_no_trouble() -> None:
    assert mcnemar_p(3_000, 3_000) == 1.0 and 0 < mcnemar_p(2_900, 3_100) < 0.05 and mcnemar_p(0, 6_000) == 0.0
