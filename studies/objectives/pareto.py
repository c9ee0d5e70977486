"""Orders of points with several objectives: non-dominated fronts, an even spread inside a front, and the volume they cover.

All objectives are minimised here; turn the sign of what is to be maximised. A point dominates another when it is nowhere
worse and somewhere better; equal points do not dominate each other and share a front.

Decisions:
- Two objectives, the usual case, take O(n log n); three or more are compared pair by pair.
- Every order is a function of the points alone: ties fall to the smaller point, then to the one that was given first.
- Only as many fronts are spread out as are asked for: a scheduler needs the first n/eta, not the order of the losers.
"""

from __future__ import annotations

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Point = Sequence[float]
Scale = Literal["linear", "log"]

_TIE_DIGITS = 9
"""Distances that differ by less than this many decimal digits (of a unit square) are equal: rescaling must not break ties."""


def dominates(a: Point, b: Point) -> bool:
    """Whether `a` is nowhere worse than `b` and somewhere better."""
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
    """The same of points that are sorted, and of which each value is a number."""
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
    """Goes through the points from left to right; the lowest second value met so far on each front decides."""
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


def spread(points: Sequence[Point], count: int | None = None, scales: Sequence[Scale] | None = None) -> list[int]:
    """An epsilon-net: the point with the lowest first objective, then always the one farthest from those taken.

    Args:
        points: the points of one front.
        count: how many to order; None is all of them.
        scales: of each objective, "log" for those that span decades; None is linear. Each is then stretched to [0, 1], so
            the unit of an objective does not matter.

    Returns:
        Positions in `points`, first chosen first.

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
        # `by_value` is sorted, and argmax takes the first of equals: ties fall to the smaller point
        nearest = np.round(np.sqrt(((unit - unit[chosen[-1]]) ** 2).sum(axis=1)), _TIE_DIGITS)
        distance = np.minimum(distance, nearest)
        distance[chosen[-1]] = -1.0
        chosen.append(int(np.argmax(distance)))
    return [by_value[i] for i in chosen]


def _unit_square(points: NDArray[np.float64], scales: Sequence[Scale] | None) -> NDArray[np.float64]:
    """Each column stretched to [0, 1]; what is infinitely bad lies at 2, a column of equals at 0."""
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
    """The order of MO-ASHA: front by front, each front spread out.

    Args:
        points: n points; infinite values are allowed.
        count: how many are wanted; None is all of them.
        scales: see `spread`.

    Returns:
        Positions in `points`, best first.

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
        order += [front[i] for i in spread([points[i] for i in front], count - len(order), scales)]
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
