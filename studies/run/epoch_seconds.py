"""Predicts how many seconds an epoch of an architecture takes, from its multiply-adds and the epochs measured so far.

    seconds = overhead + rate * multiply-adds        neither is negative

Decisions:
- Multiply-adds are those of a line of average width in the study's data.
- All trainings of a study show the same number of lines in an epoch, so both parts hold for the whole study.
- Fitted to relative errors, since epochs of large and small networks differ by factors. One far off, such as one measured
  while the machine was busy, counts less (Huber weights).
- Until the measurements say otherwise both parts are the same for a typical network. On the 96 trainings recorded for
  benchmarks/search_efficiency that was off by 40 % after one training and by 19 % after ten; without it by 58 % and 20 %, and a
  power of the multiply-adds by 39 % and 23 %.
- An architecture that has been measured takes as long as it did (median), whatever the recipe settings that a study searches.
"""

from __future__ import annotations

import contextlib
import math
import random
from collections.abc import Callable, Sequence
from statistics import median

import numpy as np
from scipy.optimize import nnls

from search_space.architecture import Architecture, RefusedArchitecture
from studies.objectives.costs import count_weights_and_flops
from studies.objectives.pareto import Array
from studies.run.preparation import Preparation

FIRST_OVERHEAD_S = 1e-3
"""Overhead of a training line before anything is measured, in seconds; one core of a laptop."""
FIRST_RATE_S = 3e-10
"""Seconds that a training line takes for each multiply-add before anything is measured: three are done, forward, for the
gradient of the weights and for that of the input, at 1e10 a second. benchmarks/any_clock took 2.9e-10."""
PRIOR_WEIGHT = 0.5
"""Weight of the prior on each of the two parts, relative to that of one measured architecture."""
DRAWN = 5
"""Architectures drawn at random to predict the seconds of a typical one: counting the multiply-adds of one takes 0.1 s."""
TYPICAL_ERROR = 0.3
"""Relative error from which on a measurement counts less."""
ROUNDS = 5
"""Rounds of reweighting; the weights change little after three."""


class EpochSeconds:
    """Seconds of an epoch with its validation, on one worker.

    Args:
        multiply_adds: of an architecture, for one line; called once for each.
        lines: that an epoch shows.
        drawn: a few architectures drawn at random, at least one.

    Attributes:
        lines: that an epoch shows.
        longest_s: seconds that an epoch of a new architecture may take, so that there is time for enough of them; the plan
            for the time sets it (`studies.run.time_plan`).
    """

    def __init__(self, multiply_adds: Callable[[Architecture], float], lines: int, drawn: Sequence[Architecture]) -> None:
        self._count, self.lines, self._drawn = multiply_adds, lines, drawn
        self._known: dict[Architecture, float] = {}
        self._measured: dict[Architecture, list[float]] = {}
        self._fit: tuple[float, float] | None = None
        self.longest_s = math.inf

    @property
    def measured(self) -> int:
        """Number of architectures with measured epochs; those that differ in precision only are one."""
        return len(self._measured)

    @property
    def typical_s(self) -> float:
        """Seconds of an epoch of a typical architecture: the median of those measured and those drawn, as the first are cheap.

        Those that would take longer than `longest_s` do not count, since they are not proposed; if all would, the fastest does.
        """
        seconds = [self(architecture) for architecture in (*self._measured, *self._drawn)]
        return median([s for s in seconds if s <= self.longest_s] or [min(seconds)])

    @property
    def shortest_s(self) -> float:
        """Seconds of an epoch of the fastest architecture among those measured and those drawn."""
        return min(self(architecture) for architecture in (*self._measured, *self._drawn))

    def add(self, architecture: Architecture, seconds: float) -> None:
        """Adds a measured epoch."""
        self._measured.setdefault(_training_of(architecture), []).append(max(seconds, 1e-3))
        self._fit = None

    def __call__(self, architecture: Architecture) -> float:
        """Seconds that an epoch of this architecture takes.

        Raises:
            RefusedArchitecture: it cannot be built.
        """
        training = _training_of(architecture)
        if training in self._measured:
            return median(self._measured[training])
        if not self._measured:
            return self.lines * (FIRST_OVERHEAD_S + FIRST_RATE_S * self._multiply_adds(training))
        if self._fit is None:
            seconds = np.array([median(measured) for measured in self._measured.values()])
            self._fit = _fitted(np.array([self._multiply_adds(each) for each in self._measured]), seconds)
        overhead, rate = self._fit
        return overhead + rate * self._multiply_adds(training)

    def _multiply_adds(self, training: Architecture) -> float:
        if training not in self._known:
            self._known[training] = max(1.0, float(self._count(training)))
        return self._known[training]


def _training_of(architecture: Architecture) -> Architecture:
    """What is the same for all architectures that are trained alike: a pruned one is trained whole at first."""
    return architecture.with_(precision="fp32", prune_percent=0)


def _fitted(multiply_adds: Array, seconds: Array) -> tuple[float, float]:
    """Overhead and rate, by non-negative least squares of relative errors."""
    half, typical = float(np.median(seconds)) / 2, float(np.median(multiply_adds))
    prior = PRIOR_WEIGHT * np.array([[1 / half, 0.0], [0.0, typical / half]])
    weights, found = np.ones(len(seconds)), np.zeros(2)
    for _ in range(ROUNDS):
        measured = np.column_stack([np.ones(len(seconds)), multiply_adds]) * (weights / seconds)[:, None]
        targets = np.concatenate([weights, [PRIOR_WEIGHT, PRIOR_WEIGHT]])
        found = nnls(np.vstack([measured, prior]), targets)[0]
        errors = np.abs(np.log(seconds / (found[0] + found[1] * multiply_adds)))
        weights = np.sqrt(1 / np.maximum(1.0, errors / TYPICAL_ERROR))
    return float(found[0]), float(found[1])


def epoch_seconds_of(preparation: Preparation) -> EpochSeconds:
    """The prediction for a study's data, recipe and space."""
    from trainers.batching.epoch_length import EpochLength
    from trainers.trial.model_files import FLOPS_HEIGHT_PX, FLOPS_WIDTH_PX

    study, (height_px, data) = preparation.study, next(iter(preparation.prepared.items()))
    symbols, lines = len(data.charset.symbols), len(data.training)
    share = float(np.mean(data.training.widths)) / height_px / (FLOPS_WIDTH_PX / FLOPS_HEIGHT_PX)

    def multiply_adds(architecture: Architecture) -> float:
        return share * count_weights_and_flops(architecture, symbols, exported=False)[1]

    drawn, rng = [each.architecture for each in preparation.warm_start[:DRAWN]], random.Random(study.search.seed)
    for _ in range(10 * DRAWN):
        if len(drawn) < DRAWN:
            with contextlib.suppress(RefusedArchitecture):
                drawn.append(study.search_space.sample(lambda _, choices: rng.choice(choices)))
    epoch_lines = EpochLength.of(study.training_recipe, lines).lines(lines)
    return EpochSeconds(multiply_adds, epoch_lines, drawn or [Architecture()])
