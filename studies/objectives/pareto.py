"""Orders of points with several objectives: non-dominated fronts, a farthest-point order of one front, and hypervolume.

All objectives are minimised here; negate one that is to be maximised. A point dominates another if it is no worse in every
objective and better in at least one. Equal points do not dominate each other and lie on the same front.

Decisions:
- Two objectives, the usual case, take O(n log n); three or more are compared pair by pair.
- Every order depends on the points alone. Of equal candidates the lexicographically smaller point comes first, of equal points
  the one that was given first.
- Only as many fronts are put in order as are needed: a scheduler asks for the first n/eta, not for the order of the rest.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
"""An array of floats."""
Point = Sequence[float]
"""One value for each objective, all to be minimised."""
Scale = Literal["linear", "log"]
"""How distances between values of an objective are measured: "log" for objectives that span decades, such as bytes."""
DISTANCE_DIGITS = 9
"""Decimals to which distances in the unit square are rounded. Rescaling an objective changes distances by rounding errors only,
and must not change which of two equal distances is taken first."""


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is no worse than `b` in every objective and better in at least one."""
    return all(x <= y for x, y in zip(a, b, strict=True)) and any(x < y for x, y in zip(a, b, strict=True))


def front_numbers(points: Sequence[Point]) -> list[int]:
    """For each point the front it lies on: 0 for those that none dominates, 1 for those that only front 0 dominates, ...

    Args:
        points: n points of the same number of objectives; infinite values are allowed.

    Returns:
        n front numbers, in the order of the points.

    Raises:
        ValueError: a value is not a number.
    """
    if any(value != value for point in points for value in point):
        raise ValueError("a point holds NaN, which is neither better nor worse than anything; use infinity for a failure")
    order = sorted(range(len(points)), key=lambda i: tuple(points[i]))
    numbers = [0] * len(points)
    for i, number in zip(order, front_numbers_of_rising([points[i] for i in order]), strict=True):
        numbers[i] = number
    return numbers


def front_numbers_of_rising(points: Sequence[Point]) -> list[int]:
    """`front_numbers` of points that are sorted in ascending order and hold no NaN."""
    if not points:
        return []
    return _front_numbers_of_two(points) if len(points[0]) == 2 else _front_numbers_of_many(points)


def not_dominated(points: NDArray[np.float64]) -> NDArray[np.bool_]:
    """(n,) whether no other of the (n, objectives) points dominates each; of equal ones the first is kept alone."""
    kept = np.zeros(len(points), dtype=bool)
    order = np.lexsort(points.T[::-1])  # whatever dominates a point, or equals it, comes before it
    if points.shape[1] == 2:
        second = points[order, 1]
        kept[order[second < np.append(np.inf, np.minimum.accumulate(second))[:-1]]] = True
        return kept
    edge = np.zeros((0, points.shape[1]))
    for i in order:
        if not (edge <= points[i]).all(axis=1).any():
            kept[i] = True
            edge = np.concatenate([edge, points[i : i + 1]])
    return kept


def _front_numbers_of_two(points: Sequence[Point]) -> list[int]:
    """Goes through the points in ascending order and compares each with the lowest second value of every front so far."""
    numbers: list[int] = []
    lowest: list[float] = []  # of each front, strictly rising from front to front
    previous: Point | None = None
    number = 0
    for point in points:
        if point != previous:
            number = bisect_right(lowest, point[1])
            if number == len(lowest):
                lowest.append(point[1])
            else:
                lowest[number] = point[1]
            previous = point
        numbers.append(number)
    return numbers


def _front_numbers_of_many(points: Sequence[Point]) -> list[int]:
    """A dominating point sorts before the dominated one, so each point needs to look back only."""
    numbers: list[int] = []
    fronts: list[list[Point]] = []
    for point in points:
        # a front that dominates the point is followed only by later fronts, so the first free one is found by halving
        number = bisect_left(range(len(fronts)), True, key=lambda f: not any(dominates(other, point) for other in fronts[f]))
        if number == len(fronts):
            fronts.append([])
        fronts[number].append(point)
        numbers.append(number)
    return numbers


def farthest_point_order(points: Sequence[Point], count: int | None = None, scales: Sequence[Scale] | None = None) -> list[int]:
    """Orders points evenly: the one with the lowest first objective, then always the one farthest from all taken before.

    Args:
        points: the points of one front.
        count: how many to order; None is all of them.
        scales: of each objective; None is linear for all. Each objective is then scaled to [0, 1], so its unit does not matter.

    Returns:
        Indices into `points`, in the order in which they were taken.

    Source: Clarkson 1986 / Gonzalez 1985, farthest-point nets; used for fronts by Schmucker et al. 2021 (MO-ASHA).
    """
    count = len(points) if count is None else min(count, len(points))
    if count == 0:
        return []
    by_value = sorted(range(len(points)), key=lambda i: tuple(points[i]))
    unit = _unit_square(np.array([points[i] for i in by_value], dtype=float), scales)
    chosen = [0]
    distance = np.full(len(points), np.inf)
    distance[0] = -1.0
    while len(chosen) < count:
        # `by_value` is sorted, and argmax takes the first of equal distances: the smaller point
        nearest = np.round(np.sqrt(((unit - unit[chosen[-1]]) ** 2).sum(axis=1)), DISTANCE_DIGITS)
        distance = np.minimum(distance, nearest)
        distance[chosen[-1]] = -1.0
        chosen.append(int(np.argmax(distance)))
    return [by_value[i] for i in chosen]


def _unit_square(points: NDArray[np.float64], scales: Sequence[Scale] | None) -> NDArray[np.float64]:
    """Scales each column to [0, 1]; infinite values become 2 (minus infinity -1), a column of equal values 0."""
    unit = np.zeros_like(points)
    for k in range(points.shape[1]):
        column = points[:, k]
        if scales is not None and scales[k] == "log":
            positive = column[column > 0]
            floor = float(positive.min()) if positive.size else 1.0
            column = np.log(np.maximum(column, floor))
        finite = np.isfinite(column)
        if not finite.any():
            continue
        low, high = float(column[finite].min()), float(column[finite].max())
        if high > low:
            unit[finite, k] = (column[finite] - low) / (high - low)
        unit[~finite, k] = np.where(column[~finite] > 0, 2.0, -1.0)
    return unit


def best_first(points: Sequence[Point], count: int | None = None, scales: Sequence[Scale] | None = None) -> list[int]:
    """The order of MO-ASHA: front by front, each front in farthest-point order.

    Args:
        points: n points; infinite values are allowed.
        count: how many are wanted; None is all of them.
        scales: see `farthest_point_order`.

    Returns:
        Indices into `points`, best first.

    Raises:
        ValueError: a value is not a number.
    """
    count = len(points) if count is None else min(count, len(points))
    numbers = front_numbers(points)
    fronts: list[list[int]] = [[] for _ in range(max(numbers, default=-1) + 1)]
    for i, number in enumerate(numbers):
        fronts[number].append(i)
    order: list[int] = []
    for front in fronts:
        if len(order) >= count:
            break
        order += [front[i] for i in farthest_point_order([points[i] for i in front], count - len(order), scales)]
    return order


def hypervolume(points: Sequence[Point], reference: Point) -> float:
    """Area (two objectives) or volume (three) that the points dominate, up to a reference point.

    Args:
        points: any points; those not better than the reference in every objective add nothing.
        reference: the worst value of each objective that still counts.

    Raises:
        ValueError: neither two nor three objectives.
    """
    inside = [tuple(p) for p in points if all(x < r for x, r in zip(p, reference, strict=True))]
    if len(reference) == 2:
        return _area(inside, reference)
    if len(reference) == 3:
        return _volume(inside, reference)
    raise ValueError(f"hypervolume is for two or three objectives, not {len(reference)}")


def _area(points: Sequence[Point], reference: Point) -> float:
    area, lowest = 0.0, reference[1]
    for x, y in sorted((p[0], p[1]) for p in points):
        if y < lowest:
            area += (reference[0] - x) * (lowest - y)
            lowest = y
    return area


def _volume(points: Sequence[Point], reference: Point) -> float:
    """Slices between neighbouring third values, each as thick as the gap."""
    levels = [*sorted({p[2] for p in points}), reference[2]]
    return sum(
        _area([p for p in points if p[2] <= level], reference) * (above - level) for level, above in itertools.pairwise(levels)
    )
