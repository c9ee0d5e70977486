"""Which trainings the Gaussian processes are fitted to, as fitting takes a time that grows with the cube of their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Array
from studies.samplers.front.observations import evenly_spaced

MAX_FITTED = 250
"""Most trainings a GP is fitted to, as its time grows with their cube: the best two thirds, and others evenly spaced."""


def trainings_of(points: Array, shared: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Which points belong to one training: those that differ in `shared` columns alone.

    Args:
        points: (n, columns)
        shared: (columns,) such as those of the precision of stored weights.

    Returns:
        (trainings,) the first point of each training, and (n,) the training of each point, as a number.
    """
    if not shared.any() or not len(points):
        return np.arange(len(points)), np.arange(len(points))
    _, at, training = np.unique(np.where(shared, 0.0, points), axis=0, return_index=True, return_inverse=True)
    return at, training.reshape(-1)


def fitted_to(order: NDArray[np.int64], training: NDArray[np.int64]) -> NDArray[np.int64]:
    """Positions of the rows that GPs are fitted to: all of the best trainings, and of others evenly spaced.

    Args:
        order: (n,) positions, best first.
        training: (n,) which training each row belongs to.
    """
    first = np.sort(np.unique(training[order], return_index=True)[1])
    return np.flatnonzero(np.isin(training, best_and_others(training[order][first])))


def best_and_others(order: NDArray[np.int64]) -> NDArray[np.int64]:
    """At most `MAX_FITTED`: the first two thirds of them, and others evenly spaced."""
    best, others = order[: 2 * MAX_FITTED // 3], order[2 * MAX_FITTED // 3 :]
    return np.concatenate([best, others[evenly_spaced(len(others), MAX_FITTED - len(best))]])
