"""Trainings that are running count in the uncertainty of what is proposed next."""

import numpy as np
from optuna.distributions import FloatDistribution

from studies.samplers.front.encoding import SpaceEncoder
from studies.samplers.front.feasibility import KnownCosts
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache
from studies.samplers.front.observations import Observations
from studies.samplers.front.surrogate import Surrogate

SQUARE = {"x": FloatDistribution(0.0, 1.0), "y": FloatDistribution(1e-4, 1.0, log=True)}


def test_what_is_running_counts_in_the_uncertainty_of_what_is_proposed_next():
    """The variance around a running training is smaller, and no mean moves."""
    space, rng = SpaceEncoder(SQUARE), np.random.default_rng(0)
    rows = [tuple(row) for row in rng.random((8, 2))]
    reached = {row: {1: (row[0], 1 - row[0] + row[1])} for row in rows}
    observed = Observations(space.fields, 2, (1,))
    for row, points in reached.items():
        observed.add(row, 1, points[1])
    pending, near = [(0.95, 0.05)], np.array([[0.93, 0.07]])

    def predicted(running):
        caches = [HyperparameterCache() for _ in range(2)]
        return Surrogate(space, (1,), observed.table(), reached, KnownCosts(), (), running, caches).predict(near)

    (mean, std), (mean_with, std_with) = predicted([]), predicted(pending)
    assert np.allclose(mean, mean_with) and (std_with < 0.8 * std).all()
