"""Gaussian process regression for tens to hundreds of points: Matérn 5/2 with ARD, a linear mean, homoscedastic noise.

    y(x) = w · h(x) + f(x) + e,    f ~ GP(0, v k(x, x')),    w ~ N(0, v diag(W²)),    e ~ N(0, v n)

Decisions:
- Few points must do, so every hyperparameter has a prior: lengthscales are of the order of the unit cube and grow with the
  number of fields, the noise ratio n is a few per cent, and the signal variance v is marginalised rather than fitted.
- The weights w of the linear part are marginalised too: what the data do not determine stays uncertain in the predictions.
- Fitting is deterministic: L-BFGS-B starts from the mode of the priors, or from given hyperparameters.

Source: Rasmussen & Williams 2006, chapters 2.7 and 5; Hvarfner et al. 2024 (lengthscales that grow with the dimension).
"""

from __future__ import annotations

import contextlib
import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

from studies.objectives.pareto import Array

LOG_LENGTHSCALE_MEAN = math.log(0.6)
"""Mean of the normal prior of a log lengthscale in one dimension: a function changes over about half of the unit interval."""
LOG_LENGTHSCALE_STD = 1.0
"""Standard deviation of that prior: a factor of e either way."""
LOG_NOISE_MEAN = math.log(0.03)
"""Mean of the normal prior of the log noise ratio (noise / signal variance): trainings repeat within a few per cent."""
LOG_NOISE_STD = 1.5
"""Standard deviation of that prior."""
MIN_NOISE = 1e-5
"""Lower bound of the noise ratio, so that equal points do not make the covariance singular."""
VARIANCE_PRIOR_SHAPE = 2.0
"""Shape, and scale, of the inverse-gamma prior on the signal variance: it weighs as much as 4 observations of variance 1."""
MAX_ITERATIONS = 40
"""Most L-BFGS-B iterations of one fit; refits start where the last one ended, so few are needed."""
JITTERS = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)
"""Relative jitter, tried in turn until the Cholesky factorisation succeeds."""
_SQRT5 = math.sqrt(5.0)


class GaussianProcess:
    """A regression of values whose mean is about 0 and variance about 1.

    Args:
        points: (n, columns) in the unit cube.
        groups: (columns,) which field each column belongs to: 0, 1, 2, ...; the columns of a field share one lengthscale.
        linear: (n, weights) features h(x) of the linear part, for instance ones.
        weights: (weights,) prior standard deviation of each weight.
        values: (n,)
        start: log hyperparameters to begin fitting at, as in `log_hyperparameters`; None is the mode of the priors.
        fit: False takes `start` as it is.

    Attributes:
        log_hyperparameters: (fields + 1,) log lengthscales, then the log noise ratio.
        variance: posterior mean of the signal variance.
        weights: (weights,) posterior mean of the linear weights.
        weight_variances: (weights,) their posterior variances.
    """

    def __init__(
        self,
        points: Array,
        groups: NDArray[np.int64],
        linear: Array,
        weights: Array,
        values: Array,
        start: Array | None = None,
        fit: bool = True,
    ) -> None:
        self._points, self._groups, self._linear, self._weights = points, groups, linear, weights
        self.log_hyperparameters = self._fitted(values, start, fit)
        covariance = self._covariance(points, linear, points, linear)  # (n, n)
        covariance[np.diag_indices(len(points))] += math.exp(self.log_hyperparameters[-1])
        self._factor = _cholesky(covariance)
        # with fantasies added these cover more points than were measured
        self._all_factor, self._all_points, self._all_linear = self._factor, points, linear
        self._solved = cho_solve((self._factor, True), values)  # (n,) covariance⁻¹ values
        shape = VARIANCE_PRIOR_SHAPE
        self.variance = (float(values @ self._solved) + 2 * shape) / (len(values) + 2 * shape - 2)
        self.weights = weights**2 * (linear.T @ self._solved)
        inside = solve_triangular(self._factor, linear, lower=True, check_finite=False)
        self.weight_variances = self.variance * np.maximum(weights**2 - weights**4 * (inside**2).sum(axis=0), 0.0)

    def _fitted(self, values: Array, start: Array | None, fit: bool) -> Array:
        """(fields + 1,) the maximum a posteriori of the log hyperparameters."""
        points, groups = self._points, self._groups
        fields = int(groups.max(initial=-1)) + 1
        mean = np.array([LOG_LENGTHSCALE_MEAN + 0.5 * math.log(max(1, fields))] * fields + [LOG_NOISE_MEAN])
        std = np.array([LOG_LENGTHSCALE_STD] * fields + [LOG_NOISE_STD])
        start = mean if start is None else start
        if not fit:
            return start
        by_field = [points[:, groups == field] for field in range(fields)]
        distances = np.stack([squared_distances(columns, columns) for columns in by_field])  # (fields, n, n)
        linear_covariance = (self._linear * self._weights**2) @ self._linear.T
        bounds = [(m - 3 * s, m + 3 * s) for m, s in zip(mean, std, strict=True)]
        bounds[-1] = (math.log(MIN_NOISE), 1.0)
        arguments = (distances, linear_covariance, values, mean, std)
        found = minimize(
            _negative_log_posterior, start, arguments, "L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": MAX_ITERATIONS}
        )
        return found.x if np.isfinite(found.fun) else mean

    @property
    def noise(self) -> float:
        """Variance of a repeated measurement."""
        return self.variance * math.exp(self.log_hyperparameters[-1])

    def add_fantasies(self, points: Array, linear: Array) -> None:
        """Counts the predictions of these (m, columns) points as measured: the variance around them drops, no mean moves."""
        self._all_points = np.concatenate([self._points, points])
        self._all_linear = np.concatenate([self._linear, linear])
        covariance = self._covariance(self._all_points, self._all_linear, self._all_points, self._all_linear)
        covariance[np.diag_indices(len(covariance))] += math.exp(self.log_hyperparameters[-1])
        self._all_factor = _cholesky(covariance)

    def predict(self, points: Array, linear: Array, fantasies: bool = True) -> tuple[Array, Array]:
        """(m,) posterior means and (m,) variances, without noise.

        Args:
            points: (m, columns)
            linear: (m, weights) features of the linear part.
            fantasies: whether the points of `add_fantasies` reduce the variance.
        """
        cross = self._covariance(points, linear, self._points, self._linear)  # (m, n)
        all_cross, factor = cross, self._factor
        if fantasies and self._all_factor is not self._factor:
            all_cross, factor = self._covariance(points, linear, self._all_points, self._all_linear), self._all_factor
        inside = solve_triangular(factor, all_cross.T, lower=True, check_finite=False)
        prior = 1.0 + ((linear * self._weights) ** 2).sum(axis=1)
        return cross @ self._solved, self.variance * np.maximum(prior - (inside**2).sum(axis=0), 1e-10)

    def _covariance(self, points: Array, linear: Array, others: Array, other_linear: Array) -> Array:
        """(len(points), len(others)) prior covariance, as a multiple of the signal variance."""
        lengthscales = np.exp(self.log_hyperparameters[:-1])[self._groups]
        squared = squared_distances(points / lengthscales, others / lengthscales)
        covariance: Array = _matern(np.sqrt(squared)) + (linear * self._weights**2) @ other_linear.T
        return covariance


def squared_distances(a: Array, b: Array) -> Array:
    """(len(a), len(b)) squared Euclidean distances of the rows."""
    squared: Array = np.maximum(0.0, (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * a @ b.T)
    return squared


def _cholesky(covariance: Array) -> Array:
    """Lower Cholesky factor, with as little jitter as will do where rounding has made the covariance indefinite."""
    for jitter in JITTERS:
        jittered = covariance.copy()
        jittered[np.diag_indices(len(jittered))] *= 1.0 + jitter
        with contextlib.suppress(np.linalg.LinAlgError):
            factor: Array = np.asarray(np.linalg.cholesky(jittered), dtype=np.float64)
            return factor
    raise np.linalg.LinAlgError(f"a covariance is not positive definite, not even with a relative jitter of {JITTERS[-1]:g}")


def _matern(distances: Array) -> Array:
    """Matérn 5/2 correlation of distances in lengthscales."""
    scaled = _SQRT5 * distances
    correlation: Array = (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return correlation


def _negative_log_posterior(
    log_hyperparameters: Array, distances: Array, linear_covariance: Array, values: Array, mean: Array, std: Array
) -> tuple[float, Array]:
    """Negative log posterior of lengthscales and noise, the signal variance marginalised, and its gradient.

    Args:
        log_hyperparameters: (fields + 1,) log lengthscales, then the log noise ratio.
        distances: (fields, n, n) squared distances in each field.
        linear_covariance: (n, n) covariance of the linear part.
        values: (n,)
        mean, std: (fields + 1,) of the normal priors of `log_hyperparameters`.
    """
    n, inverse_squares = len(values), np.exp(-2.0 * log_hyperparameters[:-1])
    scaled = _SQRT5 * np.sqrt(np.tensordot(inverse_squares, distances, 1))
    decay = np.exp(-scaled)
    noise = math.exp(log_hyperparameters[-1])
    covariance = (1.0 + scaled + scaled**2 / 3.0) * decay + linear_covariance
    covariance[np.diag_indices(n)] += noise
    try:
        factor = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return math.inf, np.zeros_like(log_hyperparameters)
    inverse = cho_solve((factor, True), np.eye(n), check_finite=False)
    solved = inverse @ values
    fit, degrees = float(values @ solved) + 2 * VARIANCE_PRIOR_SHAPE, n + 2 * VARIANCE_PRIOR_SHAPE
    deviation = (log_hyperparameters - mean) / std
    loss = 0.5 * degrees * math.log(fit) + float(np.log(np.diag(factor)).sum()) + 0.5 * float(deviation @ deviation)
    by_covariance = inverse - (degrees / fit) * np.outer(solved, solved)  # twice the gradient with respect to the covariance
    slope = (5.0 / 3.0) * (1.0 + scaled) * decay * by_covariance
    gradient = 0.5 * inverse_squares * np.tensordot(distances, slope, 2)
    return loss, np.append(gradient, 0.5 * noise * np.trace(by_covariance)) + deviation / std
