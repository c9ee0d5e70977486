"""Writes a picture that a user has asked for: whole, or not at all; what was there before stays on a full disk."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError


def write_picture(file: Path, save: Callable[[Any, str], Any]) -> None:
    """Writes a picture.

    Args:
        file: where to, in a folder that is there.
        save: writes the picture into a file object that it is given, in the format that it is given: the ending of the name in
            small letters, such as "png".

    Raises:
        UserError: the file cannot be written, or its ending names no format that `save` knows.
    """
    content = io.BytesIO()
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
