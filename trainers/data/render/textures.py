"""Textures for surfaces and letters: noise of several grain sizes, and crops of photographs.

Each process makes one tile of noise per grain from a fixed seed and takes random crops of it, since new noise for every line
would take longer than the rest of its rendering.
"""

from __future__ import annotations

from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.base.regular_file import MOST_IMAGE_BYTES, read_regular
from trainers.data.lines import IMAGE_SUFFIXES

Pixels = NDArray[np.float32]
Grain = Literal["white", "fine", "cloud", "brushed", "paper"]
GRAINS: tuple[Grain, ...] = ("white", "fine", "cloud", "brushed", "paper")
"""All grains. The position of a grain is the seed of its tile."""
TILE = (384, 1536)
"""Rows and columns of a tile: a few times as large as a line, so that two crops seldom show the same noise."""
LONGEST_PHOTO_PX = 900
"""Longer side that photographs are scaled down to when they are read: enough for a background, and little memory."""
MOST_PHOTO_PIXELS = 120_000_000
"""Pixels of a photograph that is decoded; cameras of today make up to 108 million."""


def texture(rng: np.random.Generator, shape: tuple[int, int], grain: Grain) -> Pixels:
    """Draws noise with mean 0 and a standard deviation of about 1.

    Args:
        rng: chooses the place in the tile.
        shape: (rows, columns).
        grain: `white` is uncorrelated, `fine` has grains of 2 to 4 px, `cloud` changes slowly, `brushed` is stretched along the
            line, `paper` mixes slow and fine.
    """
    tile = _tile(grain)
    rows, columns = (int(rng.integers(0, size)) for size in tile.shape)
    steps = rng.choice([-1, 1], size=2)
    down = (rows + steps[0] * np.arange(shape[0])) % tile.shape[0]
    right = (columns + steps[1] * np.arange(shape[1])) % tile.shape[1]
    piece: Pixels = tile[down[:, None], right[None, :]]
    return piece


@lru_cache(maxsize=8)
def _tile(grain: Grain) -> Pixels:
    rng = np.random.default_rng(GRAINS.index(grain))
    tile: Pixels
    if grain == "white":
        tile = rng.standard_normal(TILE, dtype=np.float32)
    elif grain == "fine":
        tile = _octave(rng, (2, 2)) + 0.7 * _octave(rng, (4, 4))
    elif grain == "brushed":
        tile = _octave(rng, (1, 96)) + 0.6 * _octave(rng, (2, 24)) + 0.4 * _octave(rng, (1, 6))
    elif grain == "cloud":
        tile = _octave(rng, (96, 192)) + 0.6 * _octave(rng, (48, 64)) + 0.3 * _octave(rng, (16, 24))
    else:
        tile = _octave(rng, (1, 1)) * 0.5 + _octave(rng, (3, 3)) * 0.6 + _octave(rng, (24, 48)) + _octave(rng, (96, 192))
    tile = (tile - tile.mean()) / tile.std()
    return tile.astype(np.float32)


def _octave(rng: np.random.Generator, grain: tuple[int, int]) -> Pixels:
    """Smooth noise with grains of (rows, columns) pixels."""
    small = rng.standard_normal((TILE[0] // grain[0] + 1, TILE[1] // grain[1] + 1), dtype=np.float32)
    resized = Image.fromarray(small).resize((TILE[1], TILE[0]), Image.Resampling.BICUBIC)
    octave: Pixels = np.asarray(resized, dtype=np.float32)
    octave = octave / octave.std()
    return octave


def photo_crop(rng: np.random.Generator, shape: tuple[int, int], folder: str | None) -> Pixels:
    """A random crop of a photograph, (rows, columns, 3) in [0, 255].

    Args:
        rng: chooses the photograph, the place and the scale.
        shape: (rows, columns).
        folder: folder of photographs; None uses the two that scikit-learn installs.
    """
    photos = _photos(folder)
    photo = photos[int(rng.integers(len(photos)))]
    ratio = shape[1] / shape[0]
    widest = min(photo.width, photo.height * ratio)
    width = widest * rng.uniform(0.15, 0.9)
    height = width / ratio
    left, top = rng.uniform(0, photo.width - width), rng.uniform(0, photo.height - height)
    box = (left, top, left + width, top + height)
    piece = photo.resize((shape[1], shape[0]), Image.Resampling.BILINEAR, box=box)
    if rng.random() < 0.5:
        piece = piece.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    return np.asarray(piece, dtype=np.float32)


@lru_cache(maxsize=4)
def _photos(folder: str | None) -> list[Image.Image]:
    if folder is None:
        spec = find_spec("sklearn")  # only its files are needed; importing it takes longer than rendering a hundred lines
        if spec is None or spec.origin is None:
            raise UserError("no photographs to draw on: install scikit-learn, or name a folder of photographs")
        folder = str(Path(spec.origin).parent / "datasets" / "images")
    photos = []
    for path in photo_files(Path(folder)):
        photo = decode_image(read_regular(path, MOST_IMAGE_BYTES), MOST_PHOTO_PIXELS).convert("RGB")
        photo.thumbnail((LONGEST_PHOTO_PX, LONGEST_PHOTO_PX))
        photos.append(photo)
    return photos


def photo_files(folder: Path) -> list[Path]:
    """Lists the image files in a folder, sorted.

    Raises:
        UserError: the folder has no image files.
    """
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES) if folder.is_dir() else []
    if not files:
        raise UserError(f"no photograph in {folder}")
    return files
