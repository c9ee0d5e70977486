"""The camera between the painted line and the image file: light, perspective, blur, noise and compression.

Unless its docstring says otherwise, a function maps pixels to pixels: float32 (rows, columns, 3) in about [0, 255].
"""

from __future__ import annotations

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from trainers.data.render.textures import Pixels, texture

LARGEST_CUT = 0.05
"""How far a corner may move into the visible part, as a fraction of its height: small enough that no letter is cut."""


def lit(pixels: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Adds uneven light: a gradient, soft shadows, and sometimes a glare or the edge of a hard shadow."""
    rows, columns = pixels.shape[:2]
    y = np.linspace(-1, 1, rows, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, columns, dtype=np.float32)[None, :]
    slope, across = rng.normal(0, 0.5 * strength, size=2)
    light = 1 + slope * x + across * y + 0.25 * strength * texture(rng, (rows, columns), "cloud")
    if rng.random() < 0.5 * strength:
        edge = rng.uniform(-1, 1) + rng.uniform(-0.6, 0.6) * y
        light = light * (1 - rng.uniform(0.15, 0.5) / (1 + np.exp(-np.clip((x - edge) * rng.uniform(10, 80), -40, 40))))
    lighted = pixels * np.clip(light, 0.25, 1.7)[:, :, None]
    if rng.random() < 0.35 * strength:
        spot = np.exp(
            -(((x - rng.uniform(-1, 1)) * rng.uniform(1, 5)) ** 2) - ((y - rng.uniform(-1, 1)) * rng.uniform(0.5, 2)) ** 2
        )
        lighted = lighted + (255 - lighted) * np.float32(rng.uniform(0.15, 0.6)) * spot[:, :, None]
    return np.asarray(lighted, dtype=np.float32)


def seen_from_a_side(
    image: Image.Image, inner: tuple[int, int, int, int], rng: np.random.Generator, tilt: float, size: tuple[int, int]
) -> Image.Image:
    """Crops a part of an image with a small random rotation and perspective.

    Args:
        image: the whole image, with a margin around the part.
        inner: left, top, right and bottom of the part, in pixels.
        rng: draws how far each corner moves.
        tilt: strength of the distortion, as a fraction of the height of the part.
        size: (columns, rows) of the result.
    """
    left, top, right, bottom = inner
    height = bottom - top
    turn = np.clip(rng.normal(0, 0.6 * tilt), -0.25, 0.25) * height
    squeeze = rng.normal(0, 0.35 * tilt, size=2) * height
    lean = rng.normal(0, 0.6 * tilt) * height
    corners = np.array(
        [
            (left + lean, top - turn - squeeze[0]),
            (left - lean, bottom - turn + squeeze[0]),
            (right - lean, bottom + turn + squeeze[1]),
            (right + lean, top + turn - squeeze[1]),
        ]
    )
    inward = LARGEST_CUT * height
    corners[:2, 0] = corners[:2, 0].clip(0, left + inward)
    corners[2:, 0] = corners[2:, 0].clip(right - inward, image.width - 1)
    corners[[0, 3], 1] = corners[[0, 3], 1].clip(0, top + inward)
    corners[[1, 2], 1] = corners[[1, 2], 1].clip(bottom - inward, image.height - 1)
    coefficients = _perspective(corners, size)
    return image.transform(size, Image.Transform.PERSPECTIVE, coefficients, Image.Resampling.BILINEAR)


def _perspective(corners: NDArray[np.float64], size: tuple[int, int]) -> tuple[float, ...]:
    """Computes Pillow's eight perspective coefficients; corners are upper left, lower left, lower right, upper right."""
    width, height = size
    rows, values = [], []
    for (x, y), (u, v) in zip([(0, 0), (0, height), (width, height), (width, 0)], corners, strict=True):
        rows += [[x, y, 1, 0, 0, 0, -u * x, -u * y], [0, 0, 0, x, y, 1, -v * x, -v * y]]
        values += [u, v]
    return tuple(float(c) for c in np.linalg.solve(np.array(rows, dtype=np.float64), np.array(values, dtype=np.float64)))


def motion_blurred(pixels: Pixels, rng: np.random.Generator, longest: int) -> Pixels:
    """Blurs along a line of random direction, as a moving camera does."""
    steps = int(rng.integers(2, max(3, longest + 1)))
    angle = rng.uniform(0, np.pi)
    total = np.zeros_like(pixels)
    for step in range(steps):
        offset = step - (steps - 1) / 2
        total += np.roll(pixels, (round(np.sin(angle) * offset), round(np.cos(angle) * offset)), axis=(0, 1))
    return total / np.float32(steps)


def noisy(pixels: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Adds sensor noise, which is stronger where the image is dark and coloured in half of the images."""
    shape = pixels.shape[:2]
    grain = texture(rng, shape, "fine" if rng.random() < 0.4 else "white")[:, :, None]
    noise = grain * np.float32(strength)
    if rng.random() < 0.5:
        colour = np.stack([texture(rng, shape, "white") for _ in range(3)], axis=2)
        noise = noise + colour * np.float32(0.5 * strength)
    return pixels + noise * (np.float32(1.25) - pixels / np.float32(512))


def developed(pixels: Pixels, rng: np.random.Generator, strength: float) -> Pixels:
    """Changes white balance, exposure, saturation, contrast and gamma at random."""
    balance = 1 + rng.normal(0, 0.07 * strength, size=3)
    pixels = pixels * (balance * (1 + rng.normal(0, 0.12 * strength))).astype(np.float32)
    grey = pixels.mean(axis=2, keepdims=True)
    pixels = grey + (pixels - grey) * np.float32(np.clip(1 + rng.normal(0, 0.3 * strength), 0.0, 1.6))
    middle = np.float32(128)
    pixels = middle + (pixels - middle) * np.float32(np.clip(1 + rng.normal(0, 0.15 * strength), 0.55, 1.4))
    gamma = np.exp(rng.normal(0, 0.18 * strength))
    return (np.clip(pixels / 255, 0, 1) ** np.float32(gamma) * 255).astype(np.float32)


def sharpened(image: Image.Image, rng: np.random.Generator) -> Image.Image:
    """Sharpens with an unsharp mask, which leaves bright rims around edges as phones do."""
    return image.filter(ImageFilter.UnsharpMask(radius=rng.uniform(0.8, 2), percent=int(rng.integers(60, 180)), threshold=1))


def encoded(image: Image.Image, quality: int) -> bytes:
    """Encodes an image as JPEG, or as a lossless PNG if `quality` is 0. Returns the bytes of the file."""
    file = io.BytesIO()
    if quality:
        image.save(file, "JPEG", quality=quality, subsampling=2 if quality < 90 else 0)
    else:
        image.save(file, "PNG", compress_level=3)
    return file.getvalue()
