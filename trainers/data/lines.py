"""Labelled lines and sets of them, as every data source returns them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from trainers.base.images import decode_image
from trainers.base.regular_file import MOST_IMAGE_BYTES, read_regular

IMAGE_SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".jfif", ".tif", ".tiff", ".bmp", ".webp", ".gif", ".jp2"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
"""Endings of the names of image files, of the formats in `trainers.base.images`."""
HALF_CHARACTER = re.compile("[\ud800-\udfff]")
"""Half of a surrogate pair, which is no character and which no file in UTF-8 can hold."""
CONTROL_CHARACTER = re.compile("[\x00-\x1f\x7f-\x9f]")
"""A character of Unicode's category Cc: no image shows one, a terminal would obey it, and no model file may hold it."""


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
        return decode_image(read_regular(Path(self.path), MOST_IMAGE_BYTES))


def with_usable_labels(found: LineSet) -> LineSet:
    """Leaves out the lines whose label is no row of text, whatever the kind of the source; each is counted with its reason."""
    reasons = [_unusable(line.text) for line in found.lines]
    if not any(reasons):
        return found
    lines = [line for line, reason in zip(found.lines, reasons, strict=True) if reason is None]
    left_out = [Skipped(line.name, reason) for line, reason in zip(found.lines, reasons, strict=True) if reason is not None]
    return LineSet(lines, [*found.skipped, *left_out])


def _unusable(label: str) -> str | None:
    """Why no model can be trained on a label; None if one can. Whether it is empty is seen after the normaliser."""
    text = label.strip()
    if "\n" in text or "\r" in text:
        return "label of more than one line"
    if not text.isascii():
        half = HALF_CHARACTER.search(text)
        if half is not None:
            return f"label holds half a character (U+{ord(half[0]):04X})"
    return None


def without_tabs(label: str) -> str:
    """A label with a space for each tab, since an image shows both alike, and without white space at its ends."""
    return label.replace("\t", " ").strip()


def control_character(label: str) -> str | None:
    """The first control character of a label, such as "U+0092"; None if there is none. White space at its ends is not seen.

    Args:
        label: after the normaliser, which may remove such characters, and without tabs.
    """
    found = CONTROL_CHARACTER.search(label.strip())
    return None if found is None else f"U+{ord(found[0]):04X}"


def counted(skipped: Iterable[Skipped]) -> dict[str, int]:
    """Counts the skipped lines for each reason, most frequent first."""
    return dict(Counter(s.reason for s in skipped).most_common())
