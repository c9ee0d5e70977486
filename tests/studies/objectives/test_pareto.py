"""Pareto orders: fronts match their definition, nets their rule, and hypervolumes a count of points."""

import itertools
import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from studies.objectives.pareto import best_first, dominates, farthest_point_order, front_numbers, hypervolume, not_dominated

grid = st.integers(0, 6).map(float)
pairs = st.lists(st.tuples(grid, grid), max_size=30)
triples = st.lists(st.tuples(grid, grid, grid), max_size=20)


def peeled(points):
    """Front numbers by the definition: peel off what nothing left dominates."""
    numbers, left, front = [0] * len(points), set(range(len(points))), 0
    while left:
        free = {i for i in left if not any(dominates(points[j], points[i]) for j in left)}
        for i in free:
            numbers[i] = front
        left -= free
        front += 1
    return numbers


@given(pairs)
def test_fronts_of_two_objectives_are_those_of_the_definition(points):
    assert front_numbers(points) == peeled(points)


@given(triples)
def test_fronts_of_three_objectives_are_those_of_the_definition(points):
    assert front_numbers(points) == peeled(points)


@given(st.one_of(pairs, triples))
def test_what_is_not_dominated_is_the_first_front_each_point_once(points):
    if points:
        kept = not_dominated(np.array(points))
        numbers = peeled(points)
        firsts = [numbers[i] == 0 and points.index(point) == i for i, point in enumerate(points)]
        assert kept.tolist() == firsts


def test_fronts_by_hand():
    assert front_numbers([(3, 3), (1, 1), (2, 2)]) == [2, 0, 1]
    assert front_numbers([(1, 4), (2, 2), (4, 1), (3, 3), (2, 2)]) == [0, 0, 0, 1, 0]
    assert front_numbers([(1.0, math.inf), (math.inf, math.inf), (1.0, 5.0)]) == [1, 2, 0]


def test_a_value_that_is_not_a_number_is_refused():
    with pytest.raises(ValueError, match="NaN"):
        front_numbers([(1.0, math.nan)])


def test_among_ten_thousand_points_none_dominates_another_of_its_front():
    draw = random.Random(0)
    points = [(draw.random(), draw.random()) for _ in range(10_000)]
    numbers = front_numbers(points)
    lowest = [math.inf] * (max(numbers) + 1)
    for i in sorted(range(len(points)), key=lambda i: points[i]):  # inside a front the second value falls as the first rises
        assert points[i][1] < lowest[numbers[i]]
        lowest[numbers[i]] = points[i][1]


def test_a_net_takes_the_lowest_first_then_always_the_farthest():
    # the order is 0, 4, 2, 1, 3 by hand: the ends, the middle, then the wider gap; its inverse would be 0, 3, 2, 4, 1
    points = [(0.0, 1.0), (0.25, 0.75), (0.5, 0.5), (0.7, 0.3), (1.0, 0.0)]
    assert farthest_point_order(points) == [0, 4, 2, 1, 3]
    assert farthest_point_order(points, 2) == [0, 4]
    assert farthest_point_order([]) == []


def test_an_order_is_a_list_of_positions_not_of_ranks():
    # Syne Tune returns the positions [1, 2, 0] here and reads them as ranks, so (2, 2) counts as best; the ranks are [2, 0, 1]
    assert best_first([(3, 3), (1, 1), (2, 2)]) == [1, 2, 0]


def test_a_front_of_three_or_more_keeps_its_own_order():
    # positions and ranks differ as soon as the order is not its own inverse: here 2, 0, 1
    points = [(0.4, 0.0), (0.1, 0.9), (0.0, 1.0)]
    assert best_first(points) == [2, 0, 1]


@given(pairs, st.randoms())
def test_the_order_does_not_depend_on_the_order_of_arrival(points, shuffler):
    moved = points.copy()
    shuffler.shuffle(moved)
    assert [points[i] for i in best_first(points)] == [moved[i] for i in best_first(moved)]


sizes = st.lists(st.tuples(st.floats(0, 1), st.integers(1_000, 10_000_000)), max_size=15)


@given(sizes, st.sampled_from([1 / 1024, 1 / 1000, 3, 1e6]))
def test_the_order_does_not_depend_on_the_unit_of_bytes(points, factor):
    scaled = [(error, size * factor) for error, size in points]
    scales = ("linear", "log")
    assert best_first(points, scales=scales) == best_first(scaled, scales=scales)


@given(pairs)
def test_the_first_few_are_the_beginning_of_the_whole_order(points):
    whole = best_first(points)
    assert sorted(whole) == list(range(len(points)))
    assert all(best_first(points, count) == whole[:count] for count in range(len(points) + 1))
    assert [front_numbers(points)[i] for i in whole] == sorted(front_numbers(points))


@given(pairs)
def test_area_counts_the_dominated_cells(points):
    cells = sum(any(x <= a and y <= b for x, y in points) for a, b in itertools.product(range(5), repeat=2))
    assert hypervolume(points, (5.0, 5.0)) == cells


@given(triples)
def test_volume_counts_the_dominated_cells(points):
    cells = sum(
        any(all(v <= c for v, c in zip(p, cell, strict=True)) for p in points) for cell in itertools.product(range(5), repeat=3)
    )
    assert hypervolume(points, (5.0, 5.0, 5.0)) == cells


def test_volume_of_four_objectives_is_refused():
    with pytest.raises(ValueError, match="two or three"):
        hypervolume([(0, 0, 0, 0)], (1, 1, 1, 1))
