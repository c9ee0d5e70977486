"""Which trainings the Gaussian processes are fitted to, as fitting takes a time that grows with the cube of their number."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from studies.samplers.front.observations import evenly_spaced

MAX_FITTED = 250
"""Most trainings a GP is fitted to, as its time grows with their cube: the best two thirds, and others evenly spaced."""


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
