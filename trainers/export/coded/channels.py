"""Quantises weights for an entropy code: a step for every output channel, relative to the size of the channel's weights.

Decisions:
- The step of a channel is a fixed fraction of the root mean square of its weights, and not of its largest weight as in int8:
  the codes of all channels then have nearly the same distribution, and one code fits all of them.
- Steps are rounded to a quarter of an octave. A step need not be exact, since weights are divided by the step that is stored.
- Of a channel of n weights, none is more than sqrt(n) root mean squares: the codes of long tails are bounded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEVELS_PER_OCTAVE = 4
"""Steps between a number and its double: a step is at most 9 % off, which costs less than a hundredth of a bit per weight."""
MAX_LEVELS = 256
"""Between the largest and the smallest step of a tensor, so that the table of steps stays short: 64 octaves."""
LEAST, MOST = -126 * LEVELS_PER_OCTAVE, 128 * LEVELS_PER_OCTAVE - 1
"""Exponents whose steps are normal fp32 numbers."""
FINE = np.exp2(np.arange(LEVELS_PER_OCTAVE) / LEVELS_PER_OCTAVE).astype(np.float32)
"""The steps from 1 to 2. All others are one of these and a power of two, which fp32 multiplies exactly."""


@dataclass(frozen=True)
class ChannelCodes:
    """A quantised weight: weight = code * 2 ** (exponent / 4).

    Attributes:
        codes: whole numbers (C, n): C channels of n weights.
        exponents: of each channel's step, (C,), in quarters of an octave.
    """

    codes: NDArray[np.int64]
    exponents: NDArray[np.int64]


def quantize_channels(weights: NDArray[np.float32], step: float) -> ChannelCodes:
    """Quantises the channels of a weight.

    Args:
        weights: finite numbers (C, n), a row for each channel; n is at least 1.
        step: step of a channel as a fraction of the root mean square of its weights, more than 0.

    Returns:
        Codes, each at most half a step off, and steps. A channel of zeros has codes of zero.
    """
    rows = weights.astype(np.float64)
    sizes = np.sqrt(np.square(rows).mean(axis=1))
    filled = sizes > 0
    exponents = np.zeros(len(rows), np.int64)
    exponents[filled] = np.rint(LEVELS_PER_OCTAVE * np.log2(step * sizes[filled])).astype(np.int64)
    if filled.any():
        largest = min(exponents[filled].max(), MOST)
        exponents = np.where(filled, np.clip(exponents, max(LEAST, largest - MAX_LEVELS + 1), largest), largest)
    steps = step_values(exponents)[:, None].astype(np.float64)
    return ChannelCodes(np.rint(rows / steps).astype(np.int64), exponents)


def step_values(exponents: NDArray[np.int64]) -> NDArray[np.float32]:
    """The steps of exponents, in fp32 as files hold them."""
    octaves, fine = np.divmod(exponents, LEVELS_PER_OCTAVE)
    values: NDArray[np.float32] = FINE[fine] * np.exp2(octaves).astype(np.float32)
    return values
