"""A space of readers made up for tests of samplers: what each weighs, what it reads, and what chance would find."""

import math

import numpy as np
from optuna.distributions import CategoricalDistribution, IntDistribution

from studies.objectives.pareto import hypervolume

GRID = {
    "width_percent": IntDistribution(25, 125, step=25),
    "neck": CategoricalDistribution(("none", "fpn_a", "fpn_d")),
    "encoder_hidden": CategoricalDistribution((96, 32, 48, 64)),
    "prune_percent": IntDistribution(0, 90, step=10),
}


def size(params):
    return float(params["width_percent"] * params["encoder_hidden"] * (100 - params["prune_percent"]))


LOST = {"none": 0.3, "fpn_a": 0.15, "fpn_d": 0.0}


def read(params, rung=9):
    """A reader needs size and the right neck; more epochs read better. All but the largest read next to nothing."""
    return (1 - LOST[params["neck"]]) * (1 - math.exp(-size(params) / 2e5)) * (1 - 0.5 / rung)


def read_evenly(params):
    """Each doubling of the size reads so much more."""
    return (1 - LOST[params["neck"]]) * (0.2 + 0.75 * math.log(size(params) / 8e3) / math.log(150))


def covered(met, reads=read):
    points = [(1 - reads(params), math.log(size(params))) for params in met]
    return hypervolume(points, (1.0, math.log(1.3e6)))


def by_chance(values, trainings, covers, seeds=300):
    """Mean of what as many trainings cover that are drawn as the sampler `random` does, each value as often as the others."""
    by = np.random.default_rng(0)
    drawn = [by.integers([len(v) for v in values.values()], size=(trainings, len(values))) for _ in range(seeds)]
    return np.mean(
        [covers([{n: v[i] for (n, v), i in zip(values.items(), row, strict=True)} for row in rows]) for rows in drawn]
    )


VALUES = {
    "width_percent": range(25, 126, 25),
    "neck": ("none", "fpn_a", "fpn_d"),
    "encoder_hidden": (96, 32, 48, 64),
    "prune_percent": range(0, 91, 10),
}
