"""A copy of a SQLite file that can only be read, in a temporary folder that lives as long as the process.

SQLite wants to write beside a file to read it: a lock, and what another process has written but not yet merged.
"""

from __future__ import annotations

import atexit
import contextlib
import shutil
import sqlite3
import tempfile
from pathlib import Path


def readable_copy(file: Path) -> Path:
    """Copies a SQLite file.

    Args:
        file: the database. Nobody has to write to it or to its folder.

    Returns:
        The copy, which is deleted when the process ends.

    Raises:
        OSError, sqlite3.Error: it cannot be read.
    """
    folder = Path(tempfile.mkdtemp(prefix="paretext-read-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    copy = folder / file.name
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True, timeout=5)) as source,
            contextlib.closing(sqlite3.connect(copy)) as target,
        ):
            source.backup(target)
    except sqlite3.OperationalError:  # in WAL mode without its second file, which SQLite would have to make
        for suffix in ("", "-wal", "-journal"):
            beside = file.with_name(f"{file.name}{suffix}")
            if beside.is_file():
                shutil.copyfile(beside, copy.with_name(f"{copy.name}{suffix}"))
    return copy
