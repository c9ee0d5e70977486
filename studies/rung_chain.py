"""What a full training will reach, foretold from trainings of all lengths: one regression a rung, each upon the one below.

The value at the first rung is a function of the parameters. The value at every further rung is a share of the value at the
rung below, plus a function of the parameters that is learnt from the trainings that reached both. So early records inform
the final value as far as they are found to tell something, and no further; and that only good ones are trained on does not
mislead it, since each is compared with itself.

Decisions:
- Values of different rungs need not mean the same (character errors of a sample early, lines misread at the end): each rung
  is scaled by its own mean and deviation.
- While fewer than `LEAST` trainings have reached a rung, it is believed to be as the one below.
- The regressions are of at most `MOST` trainings a rung: those asked for first, see `Chain`.

Source: Kennedy & O'Hagan 2000 (autoregressive co-kriging); Le Gratiet & Garnier 2014 (rung by rung).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from studies.gaussian import Array, GaussianProcess

LEAST, MOST = 2, 250
SHARE, SHARE_SPREAD = 0.7, 0.5
"""Prior of how much of a rung's deviation is that of the rung below."""
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


class Fits:
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


class Chain:
    """The regressions of one value.

    Args:
        points: (trainings, columns) all that have been begun, in the unit cube.
        groups: (columns,) see `GaussianProcess`.
        rungs: of each rung, lowest first, what reached it.
        fits: what was found before.
    """

    def __init__(self, points: Array, groups: Array, rungs: Sequence[Reached], fits: Fits | None = None) -> None:
        self._links: list[_Link] = []
        fits = fits or Fits()
        below: dict[int, float] | None = None
        for number, rung in enumerate(rungs):
            if below is not None:
                kept = [i for i, row in enumerate(rung.rows) if row in below]
                rung = Reached([rung.rows[i] for i in kept], [rung.values[i] for i in kept])
            if len(rung.rows) < LEAST:
                self._links.append(_Link(number, None, 0, 1, 0, 1))
                continue
            link = _fitted(points, groups, number, rung, below, fits)
            self._links.append(link)
            below = dict(zip(rung.rows, rung.values, strict=True))

    @property
    def known(self) -> bool:
        """Whether there is anything to foretell from."""
        return any(link.process is not None for link in self._links)

    def predict(self, points: Array, rung: int | None = None, values: Array | None = None) -> tuple[Array, Array]:
        """Mean and variance of what full trainings reach.

        Args:
            points: (m, columns)
            rung: the highest rung that these have reached, by number; None for new ones.
            values: (m,) what they reached there.
        """
        mean, variance = (np.zeros(len(points)), np.ones(len(points))) if values is None else (values, np.zeros(len(points)))
        for link in self._links:
            if link.process is not None and (rung is None or link.number > rung):
                mean, variance = link.over(points, mean, variance)
        return mean, variance


@dataclass
class _Link:
    """From one rung to the next."""

    number: int
    process: GaussianProcess | None
    low_mean: float
    low_scale: float  # 0 at the first rung
    mean: float
    scale: float

    def over(self, points: Array, mean: Array, variance: Array) -> tuple[Array, Array]:
        """Mean and variance one rung further on, noise included: it is a measured value that counts."""
        assert self.process is not None
        ones = np.ones((len(points), 1))
        if not self.low_scale:
            rest, spread = self.process.predict(points, ones)
            return self.mean + self.scale * rest, self.scale**2 * (spread + self.process.noise)
        low = (mean - self.low_mean) / self.low_scale
        rest, spread = self.process.predict(points, np.column_stack([ones, low]))
        share = SHARE + self.process.weights[1]
        spread = spread + self.process.noise + share**2 * variance / self.low_scale**2
        return self.mean + self.scale * (SHARE * low + rest), self.scale**2 * spread


def _fitted(points: Array, groups: Array, number: int, rung: Reached, below: dict[int, float] | None, fits: Fits) -> _Link:
    rows, values = np.array(rung.rows), np.array(rung.values)
    mean, scale = _moments(values)
    target, linear, weights, low_mean, low_scale = (values - mean) / scale, np.ones((len(rows), 1)), np.ones(1), 0.0, 0.0
    if below is not None:
        lower = np.array([below[row] for row in rung.rows])
        low_mean, low_scale = _moments(lower)
        low = (lower - low_mean) / low_scale
        target, linear, weights = target - SHARE * low, np.column_stack([linear, low]), np.array([1.0, SHARE_SPREAD])
    start, fit = fits.start(number, len(rows), int(groups.max(initial=-1)) + 1)
    process = GaussianProcess(points[rows], groups, linear, weights, target, start, fit)
    if fit:
        fits.keep(number, len(rows), process.found)
    return _Link(number, process, low_mean, low_scale, mean, scale)


def _moments(values: Array) -> tuple[float, float]:
    return float(values.mean()), float(values.std()) or 1.0
