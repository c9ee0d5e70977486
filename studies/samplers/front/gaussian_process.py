"""Gaussian process regression for tens to hundreds of points: Matérn 5/2, one length a field, a linear part, noise.

Decisions:
- Few points must do, so every number that is learnt has a prior: lengths are of the order of the encoder and grow with the
  number of fields (what does not matter gets a long one), noise is a few per cent, and the variance of the whole is
  integrated out rather than fitted.
- The linear part (weights with a normal prior) belongs to the same regression: what it cannot tell from the rest stays
  uncertain in the predictions.
- Fitting is deterministic: it starts from the priors' middle, or from where it is told.

Source: Rasmussen & Williams 2006, chapters 2.7 and 5; Hvarfner et al. 2024 (lengths that grow with the dimension).
"""

from __future__ import annotations

import contextlib
import math

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular
from scipy.optimize import minimize

Array = NDArray[np.float64]

LENGTH, LENGTH_SPREAD = math.log(0.6), 1.0
"""Prior of the logarithm of a length in one dimension, and its standard deviation."""
NOISE, NOISE_SPREAD = math.log(0.03), 1.5
"""Prior of the logarithm of the share of noise in the variance."""
LEAST_NOISE = 1e-5
SHAPE = 2.0
"""How firmly the variance is believed to be 1 before anything is seen, in halves of observations."""
STEPS = 40
NUDGES = (0.0, 1e-10, 1e-8, 1e-6, 1e-4)
"""Noise added in turn, in shares of the variance, until a covariance has a root."""
_ROOT5 = math.sqrt(5.0)


class GaussianProcess:
    """A regression of values whose mean is about 0 and variance about 1.

    Args:
        points: (n, columns) in the unit encoder.
        groups: (columns,) which field each column belongs to; 0, 1, 2, ...
        linear: (n, weights) columns of the linear part, for instance ones.
        weights: (weights,) prior standard deviation of each weight.
        values: (n,)
        start: where to begin fitting, as in `found` of an earlier one.
        fit: False: take `start` as it is.
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
        fields = int(groups.max(initial=-1)) + 1
        middle = np.array([LENGTH + 0.5 * math.log(max(1, fields))] * fields + [NOISE])
        spread = np.array([LENGTH_SPREAD] * fields + [NOISE_SPREAD])
        self.found = middle if start is None else start
        if fit:
            distances = np.stack([apart(points[:, groups == g], points[:, groups == g]) for g in range(fields)])
            plain = (linear * weights**2) @ linear.T
            bounds = [(m - 3 * s, m + 3 * s) for m, s in zip(middle, spread, strict=True)]
            bounds[-1] = (math.log(LEAST_NOISE), 1.0)
            arguments = (distances, plain, values, middle, spread)
            found = minimize(_misfit, self.found, arguments, "L-BFGS-B", jac=True, bounds=bounds, options={"maxiter": STEPS})
            self.found = found.x if np.isfinite(found.fun) else middle
        covariance = self._covariance(points, linear, points, linear)
        covariance[np.diag_indices(len(points))] += math.exp(self.found[-1])
        self._root = _root(covariance)
        self._sure, self._sure_points, self._sure_linear = self._root, points, linear
        self._solved = cho_solve((self._root, True), values)
        self.variance = (float(values @ self._solved) + 2 * SHAPE) / (len(values) + 2 * SHAPE)
        self.weights = weights**2 * (linear.T @ self._solved)

    @property
    def noise(self) -> float:
        """Variance of a repeated measurement."""
        return self.variance * math.exp(self.found[-1])

    def believe(self, points: Array, linear: Array) -> None:
        """Counts what is foretold of these (m, columns) points as if it had been measured: around them less is uncertain."""
        self._sure_points = np.concatenate([self._points, points])
        self._sure_linear = np.concatenate([self._linear, linear])
        covariance = self._covariance(self._sure_points, self._sure_linear, self._sure_points, self._sure_linear)
        covariance[np.diag_indices(len(covariance))] += math.exp(self.found[-1])
        self._sure = _root(covariance)

    def predict(self, points: Array, linear: Array, believing: bool = True) -> tuple[Array, Array]:
        """Mean and variance, without noise.

        Args:
            points: (m, columns)
            linear: (m, weights) columns of the linear part.
            believing: whether what is foretold of others makes these less uncertain, see `believe`.
        """
        shared = self._covariance(points, linear, self._points, self._linear)
        sure, root = shared, self._root
        if believing and self._sure is not self._root:
            sure, root = self._covariance(points, linear, self._sure_points, self._sure_linear), self._sure
        inside = solve_triangular(root, sure.T, lower=True, check_finite=False)
        prior = 1.0 + ((linear * self._weights) ** 2).sum(axis=1)
        return shared @ self._solved, self.variance * np.maximum(prior - (inside**2).sum(axis=0), 1e-10)

    def _covariance(self, points: Array, linear: Array, others: Array, other_linear: Array) -> Array:
        """(len(points), len(others)) in shares of the variance."""
        lengths = np.exp(self.found[:-1])[self._groups]
        squared = apart(points / lengths, others / lengths)
        covariance: Array = _matern(np.sqrt(squared)) + (linear * self._weights**2) @ other_linear.T
        return covariance


def apart(a: Array, b: Array) -> Array:
    """(len(a), len(b)) squared distances."""
    squared: Array = np.maximum(0.0, (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None] - 2.0 * a @ b.T)
    return squared


def _root(covariance: Array) -> Array:
    """Lower Cholesky factor; where rounding has made a covariance indefinite, of one with as little more noise as will do."""
    for more in NUDGES:
        nudged = covariance.copy()
        nudged[np.diag_indices(len(nudged))] *= 1.0 + more
        with contextlib.suppress(np.linalg.LinAlgError):
            root: Array = np.asarray(np.linalg.cholesky(nudged), dtype=np.float64)
            return root
    raise np.linalg.LinAlgError(f"a covariance is not positive definite, not even with {NUDGES[-1]:g} more of noise")


def _matern(distance: Array) -> Array:
    scaled = _ROOT5 * distance
    covariance: Array = (1.0 + scaled + scaled**2 / 3.0) * np.exp(-scaled)
    return covariance


def _misfit(found: Array, apart: Array, plain: Array, values: Array, middle: Array, spread: Array) -> tuple[float, Array]:
    """Negative logarithm of the posterior of lengths and noise, the variance integrated out, and its gradient.

    Args:
        found: logarithms of the lengths, and of the noise.
        apart: (fields, n, n) squared distances in each field.
        plain: (n, n) covariance of the linear part.
        values: (n,)
        middle, spread: of the normal priors of `found`.
    """
    n, inverse_squares = len(values), np.exp(-2.0 * found[:-1])
    scaled = _ROOT5 * np.sqrt(np.tensordot(inverse_squares, apart, 1))
    decay = np.exp(-scaled)
    noise = math.exp(found[-1])
    covariance = (1.0 + scaled + scaled**2 / 3.0) * decay + plain
    covariance[np.diag_indices(n)] += noise
    try:
        root = np.linalg.cholesky(covariance)
    except np.linalg.LinAlgError:
        return math.inf, np.zeros_like(found)
    inverse = cho_solve((root, True), np.eye(n), check_finite=False)
    solved = inverse @ values
    fit, degrees = float(values @ solved) + 2 * SHAPE, n + 2 * SHAPE
    deviation = (found - middle) / spread
    misfit = 0.5 * degrees * math.log(fit) + float(np.log(np.diag(root)).sum()) + 0.5 * float(deviation @ deviation)
    pull = inverse - (degrees / fit) * np.outer(solved, solved)  # gradient by the covariance, twice
    slope = (5.0 / 3.0) * (1.0 + scaled) * decay * pull
    gradient = 0.5 * inverse_squares * np.tensordot(apart, slope, 2)
    return misfit, np.append(gradient, 0.5 * noise * np.trace(pull)) + deviation / spread
