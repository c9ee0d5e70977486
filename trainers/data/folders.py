"""Walks through the folders of a data set.

Decisions:
- Links to folders are followed, since large sets are often linked into place. Every folder is visited once, so a link to a
  folder above ends nowhere, and a folder that two links name gives its lines once.
- Hidden folders are passed over: `.ipynb_checkpoints` and the like hold copies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from trainers.base.errors import UserError

LOST = "lost+found"
"""The folder that ext4 has at the root of every disk, and that only root may read."""


def walk(root: Path) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yields each folder below a root and the root itself: its path relative to the root, "" for the root, and its files.

    Files include links to nothing; hidden files are not among them. Folders come in the order of their paths.

    Raises:
        UserError: a folder may not be read.
    """
    visited: set[tuple[int, int]] = set()
    waiting = [""]
    while waiting:
        inside = waiting.pop()
        status = (root / inside).stat()
        if (status.st_dev, status.st_ino) in visited:
            continue
        visited.add((status.st_dev, status.st_ino))
        files, folders = _inside(root, inside)
        yield inside, sorted(files, key=lambda entry: entry.name)
        waiting += sorted(folders, reverse=True)


def _inside(root: Path, inside: str) -> tuple[list[os.DirEntry[str]], list[str]]:
    """The files of a folder, and the paths of its folders."""
    files: list[os.DirEntry[str]] = []
    folders: list[str] = []
    try:
        with os.scandir(root / inside) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == LOST:
                    continue
                if entry.is_dir():
                    folders.append(f"{inside}/{entry.name}" if inside else entry.name)
                else:
                    files.append(entry)
    except PermissionError:
        raise UserError(f"folder {root / inside} may not be read; change its permissions, or move it elsewhere") from None
    return files, folders
