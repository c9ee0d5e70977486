"""Computes a few statistics of every image, with all cores; the pixels are not kept."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trainers.base.cores import usable_cores
from trainers.base.errors import UserError
from trainers.base.preprocess import flatten
from trainers.data.cache import CHUNK_LINES, PROCESSES_PAY_FROM, Progress
from trainers.data.lines import Line
from trainers.data.processes import parallel_map


@dataclass(frozen=True)
class ImageStats:
    """Statistics of an image.

    Attributes:
        width, height: size in pixels, as decoded.
        content: hash of the pixels.
        deviation: standard deviation of the grey levels, 0 to 128; near 0 for a blank image.
        grey: whether it has no colour.
    """

    width: int
    height: int
    content: str
    deviation: float
    grey: bool


def look_at(lines: Sequence[Line], progress: Progress | None = None, processes: int | None = None) -> list[ImageStats | str]:
    """Decodes every line. Returns statistics, or the reason as text if an image cannot be decoded."""
    if processes is None:
        processes = usable_cores() if len(lines) >= PROCESSES_PAY_FROM else 1
    looks: list[ImageStats | str] = []
    for part in parallel_map(
        _look_at_chunk, (lines[at : at + CHUNK_LINES] for at in range(0, len(lines), CHUNK_LINES)), processes
    ):
        looks += part
        if progress is not None:
            progress(len(looks), len(lines))
    return looks


def _look_at_chunk(lines: Sequence[Line]) -> list[ImageStats | str]:
    return [_look_at_line(line) for line in lines]


def _look_at_line(line: Line) -> ImageStats | str:
    try:
        image = flatten(line.load())
    except UserError as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f"image cannot be read: {error}"
    pixels = np.asarray(image)
    grey = pixels.ndim == 2 or bool((pixels == pixels[:, :, :1]).all())
    if grey and pixels.ndim == 3:
        pixels = np.ascontiguousarray(pixels[:, :, 0])
    content = hashlib.blake2b(pixels.tobytes(), digest_size=8, salt=str(image.width).encode()).hexdigest()
    return ImageStats(image.width, image.height, content, float(pixels.std()), grey)
