"""Autoregressive multi-fidelity GP (Kennedy & O'Hagan 2000): y_k(x) = rho_k y_{k-1}(x) + delta_k(x), one delta per rung.

    y_0(x) = w · (1, x) + f_0(x)                        first rung: linear trend and a GP
    y_k(x) = rho_k y_{k-1}(x) + delta_k(x),  k ≥ 1      every further rung: a GP of what the rung below does not explain

Each y is standardised at its rung. rho_k has a normal prior around `RHO_MEAN` and is marginalised with the GP delta_k, which is
fitted to the trainings that reached both rungs. So early values inform the final one as far as they are correlated with it.
Training only the promising ones further does not bias the model, since each training is compared with itself.

Decisions:
- Values of different rungs need not mean the same (character errors of a sample early, lines misread at the end): each rung
  has its own mean and standard deviation.
- A rung that fewer than `MIN_OBSERVATIONS` trainings have reached is predicted to equal the one below.
- The first two or three trainings at a rung may agree by chance. Standardised by their own deviation, all others would be
  predicted to reach the same value, or one a hundred deviations away. So the variance at a rung is shrunk towards that of the
  rung below, which more trainings have reached (`PRIOR_TRAININGS`). In the time of 15 epochs of the recorded table the
  hypervolume was 0.930 instead of 0.918 (40 seeds, the difference is 0.012 ± 0.006); after 90 epochs it was the same.

Source: Kennedy & O'Hagan 2000 (autoregressive co-kriging); Le Gratiet & Garnier 2014 (recursive, rung by rung).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from studies.objectives.pareto import Array
from studies.samplers.front.fitted_trainings import trainings_of
from studies.samplers.front.gaussian_process import GaussianProcess

MIN_OBSERVATIONS = 2
"""Fewest trainings that must have reached a rung before it gets a model: one alone has no standard deviation."""
RHO_MEAN = 0.7
"""Prior mean of rho: trainings keep most of their order from one rung to the next."""
RHO_STD = 0.5
"""Prior standard deviation of rho: wide enough for no correlation, and for an amplified one."""
TREND_STD = 1.0
"""Prior standard deviation of the linear trend's slope along each column, in standard deviations of the first rung. A few
points show a slope sooner than a shape; twice as much cost 0.07 on Branin-Currin (benchmarks/search_efficiency)."""
PRIOR_TRAININGS = 2.0
"""The variance at the rung below counts as much as that of so many trainings at a rung that one training has reached, half as
much where two have, and so on."""
FIRST_CHANGE = -0.4
"""Relative change from the first rung to the second, before any training has reached the second."""
UNCERTAIN_CHANGE = 0.5
"""Standard deviation of an extrapolated change, as a fraction of it."""
MIN_STD = 1e-9
"""Relative standard deviation below which values are equal but for rounding, and are not rescaled."""
REFIT_GROWTH = 1.06
"""Hyperparameters of a rung are fitted again once it has so many times more observations than at the last fit."""


@dataclass
class RungData:
    """The trainings that reached one rung.

    Attributes:
        indices: (n,) row of each training among the points.
        values: (n,) what each reached.
        total: number of those that reached it, of which these may be a part; None: these are all.
    """

    indices: list[int]
    values: list[float]
    total: int | None = None


class HyperparameterCache:
    """Hyperparameters of the last fit, by rung: where the next fit starts, which saves time.

    They are kept until there are `REFIT_GROWTH` times as many observations, so a resumed study predicts slightly differently
    until then.
    """

    def __init__(self) -> None:
        self._fits: dict[int, tuple[int, Array]] = {}

    def start(self, rung: int, count: int, fields: int) -> tuple[Array | None, bool]:
        """Hyperparameters to start from, and whether `count` observations are enough news for a fit."""
        size, fitted = self._fits.get(rung, (0, None))
        if fitted is None or len(fitted) != fields + 1:
            return None, True
        return fitted, count >= size * REFIT_GROWTH or count < size

    def store(self, rung: int, count: int, fitted: Array) -> None:
        """Keeps the hyperparameters of a fit to `count` observations."""
        self._fits[rung] = (count, fitted)


class MultiFidelityGP:
    """One objective at all rungs.

    Predictions of trainings that have not reached a rung are added to its GP as fantasies: two neighbours are not both as
    uncertain as if the other were not there.

    Args:
        points: (trainings, columns) everything begun, in the unit cube.
        groups: (columns,) see `GaussianProcess`.
        rungs: the data of each rung, lowest first.
        cache: hyperparameters of earlier fits.
        shared: (columns,) whether points that differ there alone are one training until the last rung, such as one network that
            is stored in several precisions; None: no such columns. Below the last rung they count as one observation, since
            four equal values would tell that there is no noise.
    """

    def __init__(
        self,
        points: Array,
        groups: NDArray[np.int64],
        rungs: Sequence[RungData],
        cache: HyperparameterCache | None = None,
        shared: NDArray[np.bool_] | None = None,
    ) -> None:
        self._models: list[_RungModel] = []
        self._shared = np.zeros(points.shape[1], dtype=bool) if shared is None else shared
        self._last = len(rungs) - 1
        cache = cache or HyperparameterCache()
        below: Array | None = None  # (trainings,) values at the rung below, measured or predicted
        spread = 0.0  # standard deviation of the values that were measured at the rung below
        for number, rung in enumerate(rungs):
            if len(rung.indices) < MIN_OBSERVATIONS:
                continue
            at, training = trainings_of(points, self._shared & (number < self._last))
            measured, first = np.unique(training[rung.indices], return_index=True)
            of_measured = RungData(measured.tolist(), [rung.values[i] for i in first], rung.total)
            low = None if below is None else below[at]
            model = _fitted(self._as_at(points[at], number), groups, number, of_measured, low, spread, cache)
            values = self._with_fantasies(model, self._as_at(points[at], number), of_measured, low)
            self._models.append(model)
            is_known = spread > 0 or not _is_rounding(float(np.std(of_measured.values)), model.mean)
            below, spread = values[training], model.std if is_known else 0.0

    def _as_at(self, points: Array, number: int) -> Array:
        """Points as the model of a rung takes them."""
        return np.where(self._shared, 0.5, points) if number < self._last else points

    @staticmethod
    def _with_fantasies(model: _RungModel, points: Array, measured: RungData, below: Array | None) -> Array:
        """(trainings,) values at a rung, measured or predicted; the predictions become fantasies of its GP."""
        missing = np.setdiff1d(np.arange(len(points)), measured.indices)
        low, values = np.zeros(len(points)) if below is None else below, np.zeros(len(points))
        values[measured.indices] = measured.values
        if len(missing):
            values[missing] = model.predict(points[missing], low[missing], np.zeros(len(missing)))[0]
            model.delta.add_fantasies(points[missing], model.linear(points[missing], low[missing]))
        return values

    @property
    def fitted(self) -> bool:
        """Whether any rung had enough observations; otherwise nothing can be predicted."""
        return bool(self._models)

    def predict(self, points: Array) -> tuple[Array, Array]:
        """(m,) means and variances of full trainings of new (m, columns) points, without observation noise."""
        mean, variance = np.zeros(len(points)), np.zeros(len(points))
        for model in self._models:
            mean, variance = model.predict(self._as_at(points, model.number), mean, variance)
        return mean, variance

    def predict_from(self, points: Array, rung: int, values: Array) -> tuple[Array, Array]:
        """The same for trainings that have reached a rung, given by its number from 0, with (m,) values there."""
        mean, variance = values, np.zeros(len(points))
        for model in self._models:
            if model.number > rung:
                mean, variance = model.predict(self._as_at(points, model.number), mean, variance, fantasies=False)
        return mean, variance

    def predict_until(self, points: Array, rung: int, values: Array, until: int) -> tuple[Array, Array]:
        """(m,) means and variances at the rung `until`, of trainings that have reached a lower one.

        Above the highest rung with a model each rung is expected to bring `RHO_MEAN` of the relative change of the one below.

        Args:
            points: (m, columns)
            rung: number of the rung they have reached, from 0; -1: none.
            values: (m,) what they reached there; they do not matter if that is none.
            until: number of a higher rung.
        """
        mean, variance = values, np.zeros(len(points))
        for model in self._models:
            if rung < model.number <= until:
                mean, variance = model.predict(self._as_at(points, model.number), mean, variance, fantasies=rung < 0)
        last = self._models[-1]
        change = last.change
        for number in range(last.number + 1, until + 1):
            change *= RHO_MEAN
            if number > rung:
                step = change * mean
                mean, variance = mean + step, variance + (UNCERTAIN_CHANGE * step) ** 2
        return mean, variance


@dataclass
class _RungModel:
    """From the rung below to this one.

    Attributes:
        number: of this rung, from 0.
        delta: GP of what the rung below does not explain, standardised.
        low_mean, low_std: of the rung below; low_std is 0 where there is none.
        mean, std: of this rung.
    """

    number: int
    delta: GaussianProcess
    low_mean: float
    low_std: float
    mean: float
    std: float

    @property
    def change(self) -> float:
        """Relative change of the mean from the rung below; `FIRST_CHANGE` where there is none to compare with."""
        if not self.low_std or self.low_mean <= 0:
            return FIRST_CHANGE
        return min(0.0, max(-1.0, self.mean / self.low_mean - 1.0))

    def linear(self, points: Array, low: Array) -> Array:
        """(n, weights) linear features: (1, x) at the first rung, (1, y_{k-1}) above it."""
        return _with_lower_rung(low, self.low_mean, self.low_std) if self.low_std else _trend(points)

    def predict(self, points: Array, low: Array, low_variance: Array, fantasies: bool = True) -> tuple[Array, Array]:
        """(n,) means and variances at this rung, from (n,) those at the rung below."""
        linear = self.linear(points, low)
        mean, variance = self.delta.predict(points, linear, fantasies)
        if self.low_std:
            squared = (RHO_MEAN + self.delta.weights[1]) ** 2 + self.delta.weight_variances[1]  # E[rho²]
            mean, variance = mean + RHO_MEAN * linear[:, 1], variance + squared * low_variance / self.low_std**2
        return self.mean + self.std * mean, self.std**2 * variance


def _fitted(
    points: Array,
    groups: NDArray[np.int64],
    number: int,
    rung: RungData,
    below: Array | None,
    spread: float,
    cache: HyperparameterCache,
) -> _RungModel:
    indices, values = np.array(rung.indices), np.array(rung.values)
    mean, std = _moments(values, spread)
    target, linear, low_mean, low_std = (values - mean) / std, _trend(points[indices]), 0.0, 0.0
    weights = np.array([1.0, *[TREND_STD] * points.shape[1]])
    if below is not None:
        low_mean, low_std = _moments(below[indices], spread)
        linear, weights = _with_lower_rung(below[indices], low_mean, low_std), np.array([1.0, RHO_STD])
        target = target - RHO_MEAN * linear[:, 1]
    total = len(indices) if rung.total is None else rung.total
    start, fit = cache.start(number, total, int(groups.max(initial=-1)) + 1)
    delta = GaussianProcess(points[indices], groups, linear, weights, target, start, fit)
    if fit:
        cache.store(number, total, delta.log_hyperparameters)
    return _RungModel(number, delta, low_mean, low_std, mean, std)


def _trend(points: Array) -> Array:
    return np.column_stack([np.ones(len(points)), points - 0.5])


def _with_lower_rung(low: Array, mean: float, std: float) -> Array:
    return np.column_stack([np.ones(len(low)), (low - mean) / std])


def _moments(values: Array, spread: float) -> tuple[float, float]:
    """Mean and standard deviation of the values at a rung, or at the rung below of the same trainings.

    Args:
        values: (n,)
        spread: standard deviation at the rung below of all trainings there; 0: there is none. With it counts a value that
            several precisions of one training share once.

    Returns:
        The mean, and the deviation, shrunk towards `spread`. It is 1 where it is only rounding, which would amplify every
        prediction from it.
    """
    mean, variance = float(values.mean()), float(values.var())
    if spread:
        trainings = len(np.unique(values))
        weight = PRIOR_TRAININGS / trainings
        variance = (trainings * variance + weight * spread**2) / (trainings + weight)
    std = math.sqrt(variance)
    return mean, 1.0 if _is_rounding(std, mean) else std


def _is_rounding(std: float, mean: float) -> bool:
    """Whether values differ by rounding alone."""
    return std <= MIN_STD * max(1.0, abs(mean))
