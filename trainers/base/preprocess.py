"""Preprocesses images for a network, with numpy and Pillow only, in the same way in training and in the reader.

Decisions:
- The height is fixed and the width follows the aspect ratio, so letters keep their shape.
- Contrast "plain" maps pixels to x / 127.5 - 1. Contrast "even" normalises each line to mean 0 and a fixed standard deviation,
  because photographs differ more in light and colour than letters differ from their background.
- Images are padded on the right with 0.0 (mid grey), which differs as much from ink as from paper.
- Each image has one canonical width, a multiple of 32 px, so its reading does not depend on the other images of the batch.
- Transparent pixels become white, deep scans are scaled to 8 bits, and the EXIF orientation is applied
  where it can be read.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.base.deep_images import to_8_bits
from trainers.base.errors import UserError
from trainers.base.orientation import upright

WIDEST = 150
"""Width in heights beyond which an image is no line of text. Its width would be multiplied like its height: 100,000 x 1 pixels
become 3.2 million columns."""

CANONICAL_MULTIPLE = 32
"""Every image is padded on the right to a multiple of so many columns; 32 is the total stride of the deepest backbones."""

Contrast = Literal["plain", "even"]
"""How pixels are mapped to numbers."""
EVEN_DEVIATION = 0.43
"""Standard deviation of a line after "even" normalisation; values beyond [-1, 1] are clipped."""
LEAST_DEVIATION = 0.03
"""Added to the standard deviation of a line before the division, so that the noise of an empty line is not amplified."""


def scaled_width(width: int, height: int, height_px: int) -> int:
    """Width of a `width` x `height` image after it is scaled to `height_px` rows; at least 1."""
    return max(1, round(width * height_px / height))


def canonical_width(width: int, time_stride: int = 4) -> int:
    """The width that an image is padded to: the next multiple of 32 and of `time_stride` (of 96 for a stride of 12)."""
    multiple = math.lcm(CANONICAL_MULTIPLE, time_stride)
    return max(1, math.ceil(width / multiple)) * multiple


def fit_height(image: Image.Image | NDArray[np.uint8], height_px: int) -> NDArray[np.uint8]:
    """Scales an image to `height_px` rows with Pillow's antialiased bilinear filter; keeps the aspect ratio.

    Args:
        image: a Pillow image of any mode, or a uint8 array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4).
        height_px: rows of the result. An image of this height is not resampled.

    Returns:
        uint8 RGB (height_px, W, 3).

    Raises:
        UserError: the image is more than `WIDEST` times as wide as high.
        ValueError: the array has another type or shape, or no pixels.
    """
    flat = flatten(image)
    if flat.width > WIDEST * flat.height:
        raise UserError(f"image is more than {WIDEST} times as wide as high")
    width = scaled_width(flat.width, flat.height, height_px)
    if flat.size != (width, height_px):
        flat = flat.resize((width, height_px), Image.Resampling.BILINEAR)
    pixels = np.asarray(flat, dtype=np.uint8)
    return pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)


def flatten(image: Image.Image | NDArray[np.uint8]) -> Image.Image:
    """Converts an image to mode L or RGB with 8 bits: upright, and white where it was transparent."""
    if not isinstance(image, Image.Image):
        image = _from_array(image)
    image = upright(image)
    if image.mode.startswith(("I", "F")):
        return Image.fromarray(to_8_bits(np.asarray(image)))
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        opaque = Image.new("RGBA", image.size, (255, 255, 255, 255))
        return Image.alpha_composite(opaque, image.convert("RGBA")).convert("RGB")
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")


def _from_array(pixels: NDArray[np.uint8]) -> Image.Image:
    if pixels.dtype != np.uint8 or 0 in pixels.shape:
        raise ValueError(f"an image array must be uint8 with pixels in it, not {pixels.dtype} of shape {pixels.shape}")
    if pixels.ndim == 3 and pixels.shape[2] == 1:
        pixels = pixels[:, :, 0]
    if pixels.ndim != 2 and (pixels.ndim != 3 or pixels.shape[2] not in (3, 4)):
        raise ValueError(f"an image array must be (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), not {pixels.shape}")
    return Image.fromarray(np.ascontiguousarray(pixels))


def to_input(images: Sequence[NDArray[np.uint8]], width: int, contrast: Contrast = "plain") -> NDArray[np.float32]:
    """Stacks images of one height to the input of a network, padded on the right.

    Args:
        images: N arrays uint8 (H, W, 3), each W at most `width`.
        width: columns of the result.
        contrast: how pixels are mapped to numbers.

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
