"""Scales objectives to the unit interval, where their hypervolume improvements are compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.objectives.pareto import Array
from studies.samplers.front.ehvi import expected_hypervolume_improvement

REFERENCE_MARGIN = 0.1
"""How far the reference point of the hypervolume lies beyond the worst predicted values, as a fraction of their range."""


@dataclass(frozen=True)
class ObjectiveScale:
    """Scales each objective to the unit interval, which also sets the reference point of the hypervolume.

    Attributes:
        low, extent: (objectives,) lowest value of each, and its range.
        lowest: the best value that each objective can have, minus infinity where none is known; None: for no objective.
    """

    low: Array
    extent: Array
    lowest: Sequence[float] | None = None

    @classmethod
    def of(cls, values: Array, lowest: Sequence[float] | None = None) -> ObjectiveScale:
        """The range of (n, objectives) values; `lowest` is the best value that each objective can have."""
        low, high = values.min(axis=0), values.max(axis=0)
        return cls(low, np.where(high > low, high - low, 1.0), lowest)

    def improvement(self, means: Array, stds: Array, front: Array) -> Array:
        """(n,) EHVI of predictions over a front of (points, objectives)."""
        scaled_front = ((front - self.low) / self.extent).tolist()
        reference = [1.0 + REFERENCE_MARGIN] * means.shape[1]
        lowest = None if self.lowest is None else ((np.array(self.lowest) - self.low) / self.extent).tolist()
        scaled = (means - self.low) / self.extent, stds / self.extent
        return expected_hypervolume_improvement(*scaled, scaled_front, reference, lowest)
