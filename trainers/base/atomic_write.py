"""Atomic, durable writes: a file or a folder appears under its name complete, or not at all.

A process that is killed, or a machine that loses power, leaves the old content or the new one. A record that is written
afterwards, such as a database row, can rely on the file that it names.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def atomic_write(path: Path) -> Iterator[Path]:
    """Replaces a file in one step.

    Args:
        path: the file; its folder is created when missing.

    Yields:
        A temporary path in the same folder, to be written by the block. It is moved to `path` when the block ends, and
        removed when the block raises.

    Raises:
        OSError: the file cannot be written.
    """
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}.tmp")
    try:
        yield temporary
        move_durably(temporary, path)
    except OSError as error:
        if error.errno is not None and error.filename is None:  # a full disk is met by a write, which knows no name
            error.filename = str(path)
        raise
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def whole_or_nothing(folder: Path) -> Iterator[None]:
    """Removes what a block has put into a folder if it fails, so that no half of a data set is left on a full disk.

    Ctrl-C leaves what is there, for the same command to continue.

    Args:
        folder: created when missing, with what is missing above it. What was in it before stays.
    """
    created = [each for each in (folder, *folder.parents) if not each.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    before = set(folder.iterdir())
    try:
        yield
    except Exception:
        for each in set(folder.iterdir()) - before:
            if each.is_dir() and not each.is_symlink():
                shutil.rmtree(each, ignore_errors=True)
            else:
                each.unlink(missing_ok=True)
        for each in created:
            with contextlib.suppress(OSError):  # somebody else has put something into it meanwhile
                each.rmdir()
        raise


def move_durably(source: Path, target: Path) -> None:
    """Flushes a file, or a folder of files, to the disk and then moves it within its file system.

    Args:
        source: a file, or a folder without folders in it.
        target: its new path; a file that is there is replaced.

    Raises:
        OSError: it cannot be flushed or moved.
    """
    files = [file for file in source.iterdir() if file.is_file()] if source.is_dir() else [source]
    for file in files:
        _sync_file(file)
    if source.is_dir():
        _sync_folder(source)
    source.replace(target)
    _sync_folder(target.parent)


def _make_folder(folder: Path) -> None:
    """Creates a folder and what is missing above it; each new name is flushed to the disk, too."""
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_file(path: Path) -> None:
    with path.open("rb+") as file:  # Windows flushes only what is open for writing
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    """Flushes the names in a folder, where the system can: Windows and some network file systems cannot."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
