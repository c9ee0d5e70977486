"""Finds the images that a list names, also where the list writes their names in another way than the file system does.

A list from Windows may have backslashes. macOS decomposes letters with accents (NFD) in file names, other systems and most
lists do not. Lists that were joined have a byte order mark in the middle.
"""

from __future__ import annotations

import errno
import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

WINDOWS_ABSOLUTE = re.compile(r"^([A-Za-z]:)?[\\/]")
"""The beginning of an absolute name on Windows or elsewhere."""
SHOWN_CHARACTERS = 120
"""Most characters of a name in a message: a row without a separator may be of any length."""


def is_there(path: Path) -> bool:
    """Whether a file of this name is there; a name that no file can have (too long, with a zero byte) is not."""
    try:
        return path.is_file()
    except OSError as error:
        if error.errno in (errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ):
            return False
        raise  # a disk that fails is no missing image


def found_as(folder: Path, name: str) -> Path:
    """The path of an image that a list names: as it is written, or as it is spelt in the file system."""
    path = folder / name
    if (name.isascii() and "\\" not in name and name == name.strip()) or is_there(path):
        return path
    plain = name.strip("\ufeff \t\r\n").replace("\\", "/")
    others = dict.fromkeys(folder / form for form in (plain, *(unicodedata.normalize(n, plain) for n in ("NFC", "NFD"))))
    return next((other for other in others if is_there(other)), path)


def why_no_image(label_file: Path, kind: str, names: Sequence[str], places: Sequence[Path]) -> str:
    """Why none of the images that a list names is there, and what to do.

    Args:
        label_file: the list.
        kind: its kind.
        names: the first names in it, at least one.
        places: the folders that were searched, the one of the list first.
    """
    first, near = names[0], places[0]
    shown = first if len(first) <= SHOWN_CHARACTERS else first[:SHOWN_CHARACTERS] + "…"
    start = f"no image of {label_file} is there: "
    if not WINDOWS_ABSOLUTE.match(first):
        looked = f"looked for {shown} in {near}, its parents and {near / 'images'}"
        return f"{start}{looked}; name the folder as {kind}:{label_file}@FOLDER"
    parts = PurePosixPath(first.replace("\\", "/")).parts
    for kept in range(len(parts) - 1, 0, -1):
        rest = "/".join(parts[-kept:])
        for place in places:
            if is_there(place / rest):
                beginning = first[: len(first) - len(rest)]
                return (
                    f"{start}it names absolute paths of another place; take '{beginning}' off, and {rest} is found in {place}"
                )
    return f"{start}it names absolute paths, the first is {shown}; write them relative to {near}, or copy the images there"
