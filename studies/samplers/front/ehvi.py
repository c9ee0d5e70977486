"""Expected hypervolume improvement (EHVI), exact, for 2 or 3 independent normal objectives that are minimised.

The region that no point of the front dominates, up to the reference, is cut into boxes. A candidate fills the part of a box
that it dominates, so EHVI is a sum over boxes of products of one-dimensional integrals E[max(0, bound - y)]: closed form for a
normal objective, plain arithmetic for one that is known exactly (standard deviation 0).

Source: Emmerich, Deutz & Klinkenberg 2011; Yang et al. 2019 (box decompositions of the expected hypervolume improvement).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import numpy as np
from scipy.special import ndtr

from studies.objectives.pareto import Array, Point


def expected_hypervolume_improvement(
    means: Array, stds: Array, front: Sequence[Point], reference: Point, lowest: Point | None = None
) -> Array:
    """EHVI of each candidate.

    Args:
        means: (n, objectives) all to be minimised, independent of each other.
        stds: (n, objectives) standard deviations; 0 for what is known exactly.
        front: any points; dominated ones change nothing.
        reference: the worst value of each objective that still counts.
        lowest: the best value that each objective can have, such as 0 for an error; what a normal distribution promises below
            it is no improvement. Minus infinity where none is known; None: for no objective.

    Returns:
        (n,) improvements, 0 and up.

    Raises:
        ValueError: neither two nor three objectives.
    """
    boxes = _boxes([tuple(p) for p in front if all(x < r for x, r in zip(p, reference, strict=True))], tuple(reference))
    for k, bound in enumerate(lowest or ()):
        boxes[:, k, 0] = np.minimum(np.maximum(boxes[:, k, 0], bound), boxes[:, k, 1])
    volumes: Array = np.ones((len(means), len(boxes)))
    for k in range(means.shape[1]):
        bounds, indices = np.unique(boxes[:, k, :], return_inverse=True)  # many boxes have bounds in common
        indices = indices.reshape(len(boxes), 2)
        below = _expected_gap(bounds, means[:, k, None], stds[:, k, None])  # (n, bounds)
        volumes *= below[:, indices[:, 1]] - below[:, indices[:, 0]]
    improvements: Array = volumes.sum(axis=1)
    return improvements


def _expected_gap(bounds: Array, mean: Array, std: Array) -> Array:
    """E[max(0, bound - y)] for normal y; 0 for a bound of minus infinity."""
    finite = np.where(np.isfinite(bounds), bounds, 0.0)
    gap = finite - mean
    positive_std = np.maximum(std, 1e-12)
    z = gap / positive_std
    expected = gap * ndtr(z) + positive_std * np.exp(-0.5 * np.square(z)) / math.sqrt(2 * math.pi)
    expected = np.where(std > 0, np.maximum(expected, 0.0), np.maximum(gap, 0.0))
    return np.where(np.isfinite(bounds), expected, 0.0)


def _boxes(front: list[tuple[float, ...]], reference: tuple[float, ...]) -> Array:
    """(boxes, objectives, 2) lower and upper bounds of the non-dominated region; the lowest ones are minus infinity."""
    if len(reference) == 2:
        return np.array(_strips(front, reference))
    if len(reference) != 3:
        raise ValueError(f"the expected improvement is for two or three objectives, not {len(reference)}")
    levels = [-math.inf, *sorted({p[2] for p in front}), reference[2]]
    boxes = [
        [*strip, (low, high)]
        for low, high in itertools.pairwise(levels)
        for strip in _strips([p for p in front if p[2] <= low], reference)
    ]
    return np.array(boxes)


def _strips(front: list[tuple[float, ...]], reference: tuple[float, ...]) -> list[list[tuple[float, float]]]:
    """The non-dominated region of the first two objectives, as strips along the second."""
    steps = [(-math.inf, reference[1])]  # where a step of the staircase begins, and its height
    for point in sorted(front):
        if point[1] < steps[-1][1]:
            steps.append((point[0], point[1]))
    ends = [*(x for x, _ in steps[1:]), reference[0]]
    return [[(x, end), (-math.inf, y)] for (x, y), end in zip(steps, ends, strict=True)]
