"""Converts pixels of more than 8 bits, and pixels in floating point, to 8 bits as a person expects to see them.

Decisions:
- Files of 10, 12 or 14 bits store their values in 16 bits and do not say so. The largest value shows it: it is taken for one of
  the smallest depth that holds it. A dark image of 16 bits may become lighter so, which a reader does not mind; an image of 10
  bits that is read as one of 16 is black.
- Numbers in floating point are from 0 to 1, from -1 to 1, or like whole numbers. Interpolation may have overshot both ends.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

DEPTHS = (8, 10, 12, 14, 16)
"""Bits of a pixel that scanners and cameras write; beyond 16, every number of bits is possible."""
OVERSHOT = 1.25
"""Largest size of a value up to which an image in floating point is from 0 to 1 or from -1 to 1."""
SIGNED_BELOW = -0.25
"""Smallest value below which such an image is from -1 to 1."""
LEAST_INT16 = -32_768
"""A whole number below this is one of 32 bits without a sign that was read with one."""


def to_8_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scales pixels to 0 ... 255; values outside of their range are clipped, NaN becomes 0.

    Args:
        values: of any shape; booleans, whole numbers, or numbers in floating point.
    """
    if values.dtype == np.uint8 or not values.size:
        return values.astype(np.uint8)
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind == "f":
        return _from_floats(values)
    if values.dtype.itemsize > 2 and int(values.min()) < LEAST_INT16:
        values = values.astype(np.int64) & 0xFFFF_FFFF
    return _scaled(np.clip(values, 0, None), int(values.max()))


def _from_floats(values: NDArray[Any]) -> NDArray[np.uint8]:
    known = np.nan_to_num(values.astype(np.float32), nan=0.0, posinf=np.inf, neginf=-np.inf)
    finite = known[np.isfinite(known)]
    least, most = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)
    if least >= -OVERSHOT and most <= OVERSHOT:
        known = (known + 1) * np.float32(127.5) if least < SIGNED_BELOW else known * np.float32(255)
    elif most > 255:
        known = known * np.float32(255 / (2 ** _depth(int(most)) - 1))
    return np.clip(np.rint(known), 0, 255).astype(np.uint8)


def _scaled(values: NDArray[Any], most: int) -> NDArray[np.uint8]:
    """Rounds in whole numbers, since floating-point copies would take eight times the memory of an image of 16 bits."""
    depth = _depth(most)
    if depth == 8:
        return values.astype(np.uint8)
    full = 2**depth - 1
    wide = values.astype(np.int32 if depth <= 16 else np.int64)
    np.multiply(wide, 255, out=wide)
    np.add(wide, full // 2, out=wide)
    np.floor_divide(wide, full, out=wide)
    return wide.astype(np.uint8)


def _depth(most: int) -> int:
    """Bits of a pixel, of which `most` is the largest value."""
    return next((depth for depth in DEPTHS if most < 2**depth), most.bit_length())
