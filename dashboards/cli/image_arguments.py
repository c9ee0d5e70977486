"""Images on the command line: files, folders, patterns, and names on standard input."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from trainers.base.errors import UserError
from trainers.data.source import is_image_name

STANDARD_INPUT = "-"
"""The argument that stands for names on standard input, one a line."""


IMAGE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"RIFF", b"II*\0", b"MM\0*")
"""How image files begin, and no name does."""


def image_paths(arguments: Iterable[str]) -> Iterator[Path]:
    """The images that arguments name, in their order.

    Args:
        arguments: each a file; a folder, for all images in it and below it, sorted; a pattern such as `lines/*.png`, where no
            file has that name; or `-`, for the names on standard input. What does not exist is returned as it is.
    """
    for argument in arguments:
        names = _names_on_standard_input() if argument == STANDARD_INPUT else [argument]
        for name in names:
            yield from _images_at(Path(name))


def _names_on_standard_input() -> Iterator[str]:
    """Names, one a line, as bytes in the encoding of the file system; they are read as they come."""
    for line in sys.stdin.buffer:
        if line.startswith(IMAGE_STARTS) or b"\0" in line:
            raise UserError("standard input holds no names, one a line, but an image; give its file: paretext predict line.png")
        if name := line.rstrip(b"\r\n"):
            yield os.fsdecode(name)


def _images_at(path: Path) -> list[Path]:
    """The images at a path; the path itself if there are none, so that the caller says what is wrong with it."""
    try:
        if path.is_dir():
            found = sorted(file for file in path.rglob("*") if is_image_name(file.name) and not file.is_dir())
        elif path.exists():
            found = [path]
        else:
            named = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207  # Path.glob takes no absolute pattern
            found = [image for name in named for image in _images_at(Path(name))]
    except OSError:  # a name that is too long, a folder that may not be read
        found = []
    return found or [path]
