"""Labelled lines and sets of them, as every data source returns them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from trainers.base.errors import UserError

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2")


@dataclass(frozen=True)
class Line:
    """One image of one line of text, with its label.

    Attributes:
        name: name in reports: the path of the image, or its key in a database.
        text: the label in the source, without line ends, not yet normalised.
        load: decodes the image; can be pickled for worker processes. Raises OSError or ValueError if the image is not readable.
    """

    name: str
    text: str
    load: Callable[[], Image.Image]


@dataclass(frozen=True)
class Skipped:
    """A line that was left out, with the reason in a few words."""

    name: str
    reason: str


@dataclass(frozen=True)
class LineSet:
    """All lines of a source in its order, and the lines that were left out while listing them."""

    lines: Sequence[Line]
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class FromFile:
    """Loads an image file. It is a dataclass and not a closure, so that it can be pickled."""

    path: str

    def __call__(self) -> Image.Image:
        return decode(Path(self.path).read_bytes())


def decode(data: bytes) -> Image.Image:
    """Decodes an image from the bytes of a file.

    Raises:
        UserError: the image cannot be decoded; the message says why in a few words.
    """
    import io

    if not data:
        raise UserError("empty file (0 bytes)")
    try:
        image = Image.open(io.BytesIO(data))
        image.load()
    except Image.DecompressionBombError as error:
        raise UserError("image is too large to be a line of text") from error
    except Exception as error:  # Pillow's decoders raise almost anything on damaged files
        raise UserError("not a readable image") from error
    return image


def counted(skipped: Iterable[Skipped]) -> dict[str, int]:
    """Counts the skipped lines for each reason, most frequent first."""
    return dict(Counter(s.reason for s in skipped).most_common())
