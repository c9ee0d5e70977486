"""What a candidate whose values are foretold is expected to add to the hypervolume of a front; exactly, for 2 or 3 objectives.

What no point of the front dominates, up to the reference, is cut into boxes. A candidate fills the part of a box that it
dominates, so what it is expected to add is a sum over boxes of products of one-dimensional integrals, each of them the
expectation of max(0, bound - value): known in closed form for a normal value, and plain arithmetic for one that is known.

Source: Emmerich, Deutz & Klinkenberg 2011; Yang et al. 2019 (box decompositions of the expected hypervolume improvement).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from studies.objectives.pareto import Point

Array = NDArray[np.float64]


def expected_hypervolume_improvement(means: Array, deviations: Array, front: Sequence[Point], reference: Point) -> Array:
    """Expected gain of hypervolume by each candidate.

    Args:
        means: (n, objectives) all to be minimised, independent of each other.
        deviations: (n, objectives) standard deviations; 0 for what is known.
        front: any points.
        reference: the worst value of each objective that still counts.

    Returns:
        (n,) gains, 0 and up.

    Raises:
        ValueError: neither two nor three objectives.
    """
    boxes = _boxes([tuple(p) for p in front if all(x < r for x, r in zip(p, reference, strict=True))], tuple(reference))
    gains: Array = np.ones((len(means), len(boxes)))
    for k in range(means.shape[1]):
        bounds, places = np.unique(boxes[:, k, :], return_inverse=True)
        places = places.reshape(len(boxes), 2)
        below = _below(bounds, means[:, k, None], deviations[:, k, None])
        gains *= below[:, places[:, 1]] - below[:, places[:, 0]]
    summed: Array = gains.sum(axis=1)
    return summed


def _below(bounds: Array, mean: Array, deviation: Array) -> Array:
    """Expectation of max(0, bound - value); 0 for a bound of minus infinity."""
    finite = np.where(np.isfinite(bounds), bounds, 0.0)
    gap = finite - mean
    spread = np.maximum(deviation, 1e-12)
    z = gap / spread
    expected = gap * ndtr(z) + spread * np.exp(-0.5 * np.square(z)) / math.sqrt(2 * math.pi)
    expected = np.where(deviation > 0, np.maximum(expected, 0.0), np.maximum(gap, 0.0))
    return np.where(np.isfinite(bounds), expected, 0.0)


def _boxes(front: list[tuple[float, ...]], reference: tuple[float, ...]) -> Array:
    """(boxes, objectives, 2) lower and upper bounds of what no point dominates; the lowest ones are minus infinity."""
    if len(reference) == 2:
        return np.array(_strips(front, reference))
    if len(reference) != 3:
        raise ValueError(f"expected gains are for two or three objectives, not {len(reference)}")
    levels = [-math.inf, *sorted({p[2] for p in front}), reference[2]]
    boxes = [
        [*strip, (low, high)]
        for low, high in itertools.pairwise(levels)
        for strip in _strips([p for p in front if p[2] <= low], reference)
    ]
    return np.array(boxes)


def _strips(front: list[tuple[float, ...]], reference: tuple[float, ...]) -> list[list[tuple[float, float]]]:
    """The first two objectives of what no point dominates, as strips along the second."""
    stairs = [(-math.inf, reference[1])]  # where a stair begins, and its height
    for point in sorted(front):
        if point[1] < stairs[-1][1]:
            stairs.append((point[0], point[1]))
    ends = [*(x for x, _ in stairs[1:]), reference[0]]
    return [[(x, end), (-math.inf, y)] for (x, y), end in zip(stairs, ends, strict=True)]
