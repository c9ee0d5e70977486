"""A labelled line, and a set of them: what every data source gives, whatever its files look like."""

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
    """One image of one line of text.

    Attributes:
        name: what a report calls it: the image's path, or its key in a database.
        text: the label as the source has it, without line ends; not yet normalised.
        load: decodes the image; picklable, so that other processes can call it. Raises OSError or ValueError when it can't.
    """

    name: str
    text: str
    load: Callable[[], Image.Image]


@dataclass(frozen=True)
class Skipped:
    """A line that is left out, and why, in a few words."""

    name: str
    reason: str


@dataclass(frozen=True)
class LineSet:
    """All lines of a source, in its own order, and what had to be left out while listing them."""

    lines: Sequence[Line]
    skipped: list[Skipped] = field(default_factory=list)


@dataclass(frozen=True)
class FromFile:
    """Loads an image file; a value and not a closure, so that it can travel to another process."""

    path: str

    def __call__(self) -> Image.Image:
        return decode(Path(self.path).read_bytes())


def decode(data: bytes) -> Image.Image:
    """Decodes a whole image from the bytes of a file.

    Raises:
        UserError: what is wrong with it, in a few words.
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
    """How many lines were left out for each reason, most frequent first."""
    return dict(Counter(s.reason for s in skipped).most_common())
