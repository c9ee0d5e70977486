"""Writes a picture that a user has asked for: whole, or not at all; what was there before stays on a full disk.

A picture may replace a picture, since it is drawn again and again. Anything else that is there stays.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError

PICTURES = (
    b"\x89PNG",
    b"%PDF",
    b"%!PS",
    b"\xff\xd8\xff",
    b"GIF8",
    b"BM",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"<?xml",
    b"\0\0\0\x0cjP",
)
"""First bytes of the formats that pictures are written in."""


def write_picture(file: Path, save: Callable[[Any, str], Any]) -> None:
    """Writes a picture.

    Args:
        file: where to, in a folder that is there.
        save: writes the picture into a file object that it is given, in the format that it is given: the ending of the name in
            small letters, such as "png".

    Raises:
        UserError: something that is no picture is there, the file cannot be written, or its ending names no format that
            `save` knows.
    """
    content = io.BytesIO()
    _check_replaceable(file)
    if not file.parent.is_dir():
        raise UserError(f"cannot write {file}: there is no folder {file.parent}")
    try:
        save(content, file.suffix[1:].lower())
        with atomic_write(file) as temporary:
            temporary.write_bytes(content.getvalue())
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from None
    except ValueError as error:
        raise UserError(f"cannot write {file}: {error}; give a name that ends with .png") from None


def _check_replaceable(file: Path) -> None:
    """Raises UserError if something is there that is no picture."""
    if not file.exists():
        return
    if not file.is_file():
        raise UserError(f"{file} is there and is no file; choose another name")
    with file.open("rb") as present:
        beginning = present.read(200)
    if beginning and not beginning.startswith(PICTURES) and b"<svg" not in beginning and b"DOCTYPE svg" not in beginning:
        raise UserError(f"{file} is there and is no picture; choose another name")
