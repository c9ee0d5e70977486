"""How an image becomes what a network sees: the same few lines of numpy and Pillow in training and in the reader.

Decisions:
- Height is fixed, width follows the aspect ratio: letters keep their shape.
- Pixels are x / 127.5 - 1 ("plain"), or have the line's own mean taken off and its own contrast scaled to a fixed one ("even"):
  photographs differ more in light and colour than letters differ from their ground.
- Padding is on the right, with 0.0 (mid grey), which is as far from ink as from paper.
- Every image has one canonical width, a multiple of 32 px, so its text does not depend on what else is in the batch.
- Transparent pixels are white; 16-bit scans are scaled to 8 bits; the orientation that a camera noted is applied.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

CANONICAL_MULTIPLE = 32
"""Columns: every image is padded on the right to a multiple of this many."""

ORIENTATION_TAG = 0x0112

Contrast = Literal["plain", "even"]
EVEN_DEVIATION = 0.43
"""Standard deviation that an even line is scaled to; what lies beyond 1 on either side is cut off."""
LEAST_DEVIATION = 0.03
"""Added to a line's own deviation, so that the noise of an empty line is not blown up."""


def scaled_width(width: int, height: int, height_px: int) -> int:
    """Columns of a `width` x `height` image once it is `height_px` high; at least 1."""
    return max(1, round(width * height_px / height))


def canonical_width(width: int, time_stride: int = 4) -> int:
    """The width an image of `width` columns is padded to: the next multiple of 32 and of `time_stride` (12: of 96)."""
    multiple = math.lcm(CANONICAL_MULTIPLE, time_stride)
    return max(1, math.ceil(width / multiple)) * multiple


def fit_height(image: Image.Image | NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    """Resizes to `height_px` rows, keeping the aspect ratio, with Pillow's antialiased bilinear filter.

    Args:
        image: a Pillow image of any mode, or a uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        height_px: rows to produce. An image that has them already is not resampled.

    Returns:
        uint8 RGB (height_px, W, 3).

    Raises:
        ValueError: an array of another type or shape, or without pixels.
    """
    flat = flatten(image)
    width = scaled_width(flat.width, flat.height, height_px)
    if flat.size != (width, height_px):
        flat = flat.resize((width, height_px), Image.Resampling.BILINEAR)
    pixels = np.asarray(flat, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def flatten(image: Image.Image | NDArray[np.uint8]) -> Image.Image:
    """The same picture in mode L or RGB: upright, on white where it was transparent, in 8 bits."""
    if not isinstance(image, Image.Image):
        image = _from_array(image)
    if image.getexif().get(ORIENTATION_TAG, 1) != 1:
        image = ImageOps.exif_transpose(image)
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image
    if image.mode.startswith(("I", "F")):
        return _from_deep(image)
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(f"an image array must be uint8 with pixels in it, not {pixels.dtype} of shape {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] not in (3, 4)):
        raise ValueError(f"an image array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {pixels.shape}")
    return Image.fromarray(np.ascontiguousarray(pixels))


def _from_deep(image: Image.Image) -> Image.Image:
    """Modes I;16, I and F: taken as 16 bits when a value passes 255, else as 8."""
    values: NDArray[Any] = np.asarray(image, dtype=np.float64)
    if values.max(initial=0.0) > 255:
        values = values / 257.0
    return Image.fromarray(np.clip(np.rint(values), 0, 255).astype(np.uint8))


def to_input(images: Sequence[NDArray[np.uint8]], width: int, contrast: Contrast = "plain") -> NDArray[np.float32]:
    """Stacks images of one height into a network's input, padded on the right.

    Args:
        images: N arrays uint8 (H, W, 3), each W at most `width`.
        width: columns of the result.
        contrast: how pixels become numbers.

    Returns:
        float32 (N, 3, H, width) in [-1, 1]; padding is 0.0.
    """
    batch = np.zeros((len(images), 3, images[0].shape[0], width), dtype=np.float32)
    for row, image in zip(batch, images, strict=True):
        inside = row[:, :, : image.shape[1]]
        inside[:] = image.transpose(2, 0, 1)
        inside /= np.float32(127.5)
        inside -= np.float32(1.0)
        if contrast == "even":
            inside -= inside.mean(axis=(1, 2), keepdims=True)
            inside *= np.float32(EVEN_DEVIATION) / (inside.std() + np.float32(LEAST_DEVIATION))
            np.clip(inside, -1.0, 1.0, out=inside)
    return batch
