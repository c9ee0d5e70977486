"""A synthetic search problem for tests of samplers: accuracy and size of a reader as formulas of four fields."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from studies.objectives.pareto import hypervolume
from studies.samplers.front.sampler import FrontSampler

Params = Mapping[str, Any]

GRID: dict[str, BaseDistribution] = {
    "width_percent": IntDistribution(25, 125, step=25),
    "neck": CategoricalDistribution(("none", "fpn_a", "fpn_d")),
    "encoder_hidden": CategoricalDistribution((96, 32, 48, 64)),
    "prune_percent": IntDistribution(0, 90, step=10),
}


def size_of(params: Params) -> float:
    """Grows with width and hidden size, shrinks with pruning."""
    return float(params["width_percent"] * params["encoder_hidden"] * (100 - params["prune_percent"]))


def front_sampler(
    space: Mapping[str, BaseDistribution] = GRID,
    seed: int = 0,
    rungs: Sequence[int] = (9,),
    costs: bool = True,
    limit: float | None = None,
    **more: Any,
) -> FrontSampler:
    """The sampler `front` on this problem: accuracy and size, the size known beforehand unless `costs` is False."""
    known = (lambda params: ([size_of(params)], limit is None or size_of(params) <= limit)) if costs else None
    limits = {} if limit is None else {1: limit}
    return FrontSampler(space, ("maximize", "minimize"), seed, rungs, ("linear", "log"), (1,), known, limits, **more)


NECK_LOSS = {"none": 0.3, "fpn_a": 0.15, "fpn_d": 0.0}


def accuracy_of(params: Params, rung: int = 9) -> float:
    """In [0, 1): grows with size, with the right neck and with epochs; only the largest readers are accurate."""
    return (1 - NECK_LOSS[params["neck"]]) * (1 - math.exp(-size_of(params) / 2e5)) * (1 - 0.5 / rung)


def log_accuracy_of(params: Params) -> float:
    """Grows by the same amount with each doubling of the size."""
    return (1 - NECK_LOSS[params["neck"]]) * (0.2 + 0.75 * math.log(size_of(params) / 8e3) / math.log(150))


def hypervolume_of(met: Iterable[Params], accuracy: Callable[[Params], float] = accuracy_of) -> float:
    """The hypervolume of (error, log of size) that a set of readers dominates."""
    points = [(1 - accuracy(params), math.log(size_of(params))) for params in met]
    return hypervolume(points, (1.0, math.log(1.3e6)))


def random_search_hypervolume(
    values: Mapping[str, Sequence[Any]], trainings: int, covers: Callable[[list[dict[str, Any]]], float], seeds: int = 300
) -> float:
    """The mean of `covers` over random searches of so many trainings, each value as likely as the others."""
    by = np.random.default_rng(0)
    drawn = [by.integers([len(v) for v in values.values()], size=(trainings, len(values))) for _ in range(seeds)]
    found = [covers([{n: v[i] for (n, v), i in zip(values.items(), row, strict=True)} for row in rows]) for rows in drawn]
    return float(np.mean(found))


VALUES: dict[str, Sequence[Any]] = {
    "width_percent": range(25, 126, 25),
    "neck": ("none", "fpn_a", "fpn_d"),
    "encoder_hidden": (96, 32, 48, 64),
    "prune_percent": range(0, 91, 10),
}
