"""Reads files of strangers: a pipe would wait for ever, and a device such as /dev/zero has no end."""

from __future__ import annotations

import stat
from pathlib import Path

from trainers.base.errors import UserError

MOST_IMAGE_BYTES = 256 << 20
"""Size of an image file that is read: 20 million pixels take 120 MB uncompressed in 16 bits and three channels."""
MOST_LABEL_BYTES = 1 << 20
"""Size of a file that is read as the label of one line."""
MOST_LIST_BYTES = 2 << 30
"""Size of a label file that is read, which lists the images of a whole data set: ten million rows."""
MOST_CHARSET_BYTES = 16 << 20
"""Size of a charset file that is read: all of Unicode, one character a line, takes 6 MB."""


class NotReadable(UserError):
    """A file that is not read. The message says in a few words what it is, without its path."""


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Reads a regular file, or a link to one.

    Args:
        path: the file.
        most_bytes: a larger file is not read.

    Raises:
        NotReadable: it is a pipe, a device or a folder, or too large.
        OSError: it cannot be read.
    """
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise NotReadable("not a regular file")
    if status.st_size > most_bytes:
        raise NotReadable(f"larger than {most_bytes >> 20} MiB")
    return path.read_bytes()
