"""Every weight is at most half a step of its channel off, whatever the weights are."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from numpy.typing import NDArray

from trainers.export.coded.channels import MAX_LEVELS, quantize_channels, step_values

ROWS = array_shapes(min_dims=2, max_dims=2, max_side=12)
NUMBERS = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)


@given(arrays(np.float32, ROWS, elements=NUMBERS), st.sampled_from([0.03, 0.125, 0.3, 1.0]))
def test_weights_are_half_a_step_off_at_most(weights: NDArray[np.float32], step: float) -> None:
    found = quantize_channels(weights, step)
    steps = step_values(found.exponents)[:, None]
    assert found.codes.shape == weights.shape
    assert (np.abs(found.codes * steps - weights) <= steps * 0.5001).all()
    assert found.exponents.max() - found.exponents.min() < MAX_LEVELS


@given(arrays(np.float32, ROWS, elements=st.floats(-1, 1, width=32).filter(lambda x: x == 0 or abs(x) > 1e-3)))
def test_codes_are_bounded_by_the_length_of_a_channel(weights: NDArray[np.float32]) -> None:
    found = quantize_channels(weights, 0.125)
    assert np.abs(found.codes).max() <= np.sqrt(weights.shape[1]) / 0.125 * 2 ** (1 / 8) + 0.5


@pytest.mark.parametrize("value", [0.0, 1.0, -3e-5, 7e8])
def test_constant_channels(value: float) -> None:
    weights = np.full((3, 5), value, np.float32)
    found = quantize_channels(weights, 0.125)
    restored = found.codes * step_values(found.exponents)[:, None]
    np.testing.assert_allclose(restored, weights, rtol=0.07)


def test_a_channel_of_zeros_stays_zero_beside_others() -> None:
    weights = np.random.default_rng(0).normal(size=(4, 30)).astype(np.float32)
    weights[2] = 0
    assert not quantize_channels(weights, 0.125).codes[2].any()


def test_steps_are_relative_to_the_weights_of_their_channel() -> None:
    weights = np.random.default_rng(0).normal(size=(2, 500)).astype(np.float32)
    weights[1] *= 64
    found = quantize_channels(weights, 0.125)
    assert found.exponents[1] - found.exponents[0] == pytest.approx(24, abs=1)
    assert np.abs(found.codes[0]).mean() == pytest.approx(np.abs(found.codes[1]).mean(), rel=0.2)
