"""Decodes one line: from the image in its source to the pixels in the cache."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainers.base.errors import UserError
from trainers.base.preprocess import fit_height, flatten
from trainers.data.lines import Line
from trainers.data.near_equal import image_hash, tiny_version


@dataclass(frozen=True)
class DecodedLine:
    """A line at the height of the cache entry.

    Attributes:
        pixels, width, channels: bytes, columns and channels of the resized image.
        size: width and height of the image in the source, upright.
        original: hash of the image before resizing.
        tiny: its tiny grey version (`near_equal.tiny_version`).
    """

    pixels: bytes
    width: int
    channels: int
    size: tuple[int, int]
    original: int
    tiny: bytes


def decode_chunk(chunk: tuple[Sequence[Line], int]) -> list[DecodedLine | str]:
    """Calls `decode_line` for some lines at one height; for use in a worker process."""
    lines, height_px = chunk
    return [decode_line(line, height_px) for line in lines]


def decode_line(line: Line, height_px: int) -> DecodedLine | str:
    """Decodes a line at a height. Returns the reason as text if that is not possible."""
    try:
        image = line.load()
        flat = flatten(image)
        pixels = fit_height(flat, height_px)
    except UserError as error:
        return str(error)
    except OSError as error:
        return f"image cannot be read: {error.strerror or 'damaged'}"
    except ValueError as error:
        return f"image cannot be used: {error}"
    grey = bool((pixels == pixels[:, :, :1]).all())
    kept = pixels[:, :, :1] if grey else pixels
    original = image_hash(flat), tiny_version(flat)
    return DecodedLine(kept.tobytes(), pixels.shape[1], kept.shape[2], flat.size, *original)
