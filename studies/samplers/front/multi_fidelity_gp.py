"""What a full training will reach, foretold from trainings of all lengths: one regression a rung, each upon the one below.

The value at the first rung is a function of the parameters, with a straight trend. The value at every further rung is a share
of the value at the rung below, plus a function of the parameters that is learnt from the trainings that reached both. So early
records inform the final value as far as they are found to tell something, and no further; and that only good ones are trained
on does not mislead it, since each is compared with itself.

Decisions:
- Values of different rungs need not mean the same (character errors of a sample early, lines misread at the end): each rung
  is scaled by its own mean and deviation.
- While fewer than `LEAST` trainings have reached a rung, it is believed to be as the one below.

Source: Kennedy & O'Hagan 2000 (autoregressive co-kriging); Le Gratiet & Garnier 2014 (rung by rung).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.samplers.front.gaussian_process import Array, GaussianProcess

LEAST = 2
SHARE, SHARE_SPREAD = 0.7, 0.5
"""Prior of how much of a rung's deviation is that of the rung below."""
TREND = 1.0
"""Prior deviation of the slope along each column, in deviations at the first rung: few tell a slope sooner than a shape."""
LEAST_SCALE = 1e-9
REFIT = 1.06
"""Lengths and noise are fitted anew once there are so many times more trainings."""


@dataclass
class Reached:
    """The trainings that reached one rung.

    Attributes:
        rows: (n,) which training each is, by its row of the points.
        values: (n,) what they reached.
    """

    rows: list[int]
    values: list[float]


class Hyperparameters:
    """Lengths and noise found before, by rung: where the next fit begins. Forgetting them costs time only."""

    def __init__(self) -> None:
        self._found: dict[int, tuple[int, Array]] = {}

    def start(self, rung: int, count: int, fields: int) -> tuple[Array | None, bool]:
        """Where to begin, and whether there is so much news that it is worth while."""
        size, found = self._found.get(rung, (0, None))
        if found is None or len(found) != fields + 1:
            return None, True
        return found, count >= size * REFIT or count < size

    def keep(self, rung: int, count: int, found: Array) -> None:
        """Remembers."""
        self._found[rung] = (count, found)


class MultiFidelityGP:
    """The regressions of one value.

    What is foretold of the trainings that have not come to the end counts as measured when it is said how uncertain others
    are: two neighbours share what is unknown of both.

    Args:
        points: (trainings, columns) all that have been begun, in the unit encoder.
        groups: (columns,) see `GaussianProcess`.
        rungs: of each rung, lowest first, what reached it.
        fits: what was found before.
    """

    def __init__(
        self, points: Array, groups: NDArray[np.int64], rungs: Sequence[Reached], fits: Hyperparameters | None = None
    ) -> None:
        self._links: list[_Link] = []
        fits = fits or Hyperparameters()
        below: Array | None = None  # (trainings,) at the rung below, measured or foretold
        for number, rung in enumerate(rungs):
            if len(rung.rows) < LEAST:
                continue
            link = _fitted(points, groups, number, rung, below, fits)
            rows = np.array(rung.rows)
            rest = np.setdiff1d(np.arange(len(points)), rows)
            low = np.zeros(len(points)) if below is None else below
            reached = np.zeros(len(points))
            reached[rows] = rung.values
            if len(rest):
                reached[rest] = link.over(points[rest], low[rest], np.zeros(len(rest)))[0]
                link.process.believe(points[rest], link.linear(points[rest], low[rest]))
            self._links.append(link)
            below = reached

    @property
    def known(self) -> bool:
        """Whether there is anything to foretell from."""
        return bool(self._links)

    def predict(self, points: Array) -> tuple[Array, Array]:
        """Mean and variance of what full trainings of new (m, columns) points reach, without the noise of a single one."""
        mean, variance = np.zeros(len(points)), np.zeros(len(points))
        for link in self._links:
            mean, variance = link.over(points, mean, variance)
        return mean, variance

    def finish(self, points: Array, rung: int, values: Array) -> tuple[Array, Array]:
        """The same of trainings that have reached a rung, given by its number, with (m,) values there."""
        mean, variance = values, np.zeros(len(points))
        for link in self._links:
            if link.number > rung:
                mean, variance = link.over(points, mean, variance, believing=False)
        return mean, variance


@dataclass
class _Link:
    """From one rung to the next.

    Attributes:
        number: of the rung that it leads to.
        process: of what the rung below does not tell, scaled.
        low_mean, low_scale: of the rung below; the scale is 0 where there is none.
        mean, scale: of the rung.
    """

    number: int
    process: GaussianProcess
    low_mean: float
    low_scale: float
    mean: float
    scale: float

    def linear(self, points: Array, low: Array) -> Array:
        """(n, weights) columns of the linear part: a constant, and the parameters or the (n,) values at the rung below."""
        return _share(low, self.low_mean, self.low_scale) if self.low_scale else _trend(points)

    def over(self, points: Array, low: Array, variance: Array, believing: bool = True) -> tuple[Array, Array]:
        """Mean and variance at the rung, from those at the rung below; see `GaussianProcess.predict`."""
        linear = self.linear(points, low)
        rest, spread = self.process.predict(points, linear, believing)
        if self.low_scale:
            share = SHARE + self.process.weights[1]
            rest, spread = rest + SHARE * linear[:, 1], spread + share**2 * variance / self.low_scale**2
        return self.mean + self.scale * rest, self.scale**2 * spread


def _fitted(
    points: Array, groups: NDArray[np.int64], number: int, rung: Reached, below: Array | None, fits: Hyperparameters
) -> _Link:
    rows, values = np.array(rung.rows), np.array(rung.values)
    mean, scale = _moments(values)
    target, linear, low_mean, low_scale = (values - mean) / scale, _trend(points[rows]), 0.0, 0.0
    weights = np.array([1.0, *[TREND] * points.shape[1]])
    if below is not None:
        low_mean, low_scale = _moments(below[rows])
        linear, weights = _share(below[rows], low_mean, low_scale), np.array([1.0, SHARE_SPREAD])
        target = target - SHARE * linear[:, 1]
    start, fit = fits.start(number, len(rows), int(groups.max(initial=-1)) + 1)
    process = GaussianProcess(points[rows], groups, linear, weights, target, start, fit)
    if fit:
        fits.keep(number, len(rows), process.found)
    return _Link(number, process, low_mean, low_scale, mean, scale)


def _trend(points: Array) -> Array:
    return np.column_stack([np.ones(len(points)), points - 0.5])


def _share(low: Array, mean: float, scale: float) -> Array:
    return np.column_stack([np.ones(len(low)), (low - mean) / scale])


def _moments(values: Array) -> tuple[float, float]:
    """Mean and deviation; 1 for one that is nothing but rounding, which would blow up what is foretold by it."""
    mean, scale = float(values.mean()), float(values.std())
    return mean, scale if scale > LEAST_SCALE * max(1.0, abs(mean)) else 1.0
