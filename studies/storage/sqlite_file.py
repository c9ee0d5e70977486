"""Opens a SQLite file of studies: makes its tables, refuses databases of other programs, and reads where it cannot write.

Decisions:
- Nothing is written to a database that has tables but not Optuna's: a mistyped path, such as that of `mlflow.db`, must not cost
  another program its data.
- Optuna makes its tables without a lock, and two searches may start at once; so the tables of a new file are made under one.
- The file is in WAL mode, so that a dashboard can read while a search writes.
- Where the file or its folder is read-only, a copy is read: SQLite itself wants to write beside a file in WAL mode.
- Optuna compares the version of the tables with its own each time it opens a file, which loads all of its migrations. Here that
  is done once for each version in a process, and not for tables that have just been made.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import NamedTuple

import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage

from studies.workspace.readable_copy import readable_copy
from trainers.base.errors import UserError
from trainers.base.file_lock import locked

TIMEOUT_S = 60
"""Seconds that a call waits for another process that writes."""
_TABLES = {"studies", "trials", "version_info"}
"""Tables by which a database of Optuna is known."""
_compatible = set[str]()
"""Versions of tables that Optuna has accepted in this process."""


def open_sqlite(file: Path) -> BaseStorage:
    """Opens a database of studies, or creates it; its folder is created, too.

    Raises:
        UserError: it is a database of another program.
        OSError, sqlite3.Error, SQLAlchemyError, RuntimeError: it cannot be opened, is damaged, or of another version of Optuna.
    """
    if file.exists() and not (os.access(file, os.W_OK) and os.access(file.parent, os.W_OK | os.X_OK)):
        return _open_copy(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    alone = contextlib.nullcontext() if _tables_of(file).version else locked(file.with_name(f"{file.name}.lock"))
    with alone:
        with contextlib.closing(sqlite3.connect(file, timeout=TIMEOUT_S)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        found = _tables_of(file)
        known = not found.exist or found.version in _compatible
        connect = {"connect_args": {"timeout": TIMEOUT_S}}
        storage = RDBStorage(f"sqlite:///{file}", engine_kwargs=connect, skip_compatibility_check=known)
    if found.version is not None:
        _compatible.add(found.version)
    # with WAL, NORMAL loses at most the last commits on a power cut and nothing on a crash; it saves one fsync for each commit
    sqlalchemy.event.listen(storage.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=NORMAL"))
    storage.engine.dispose()
    return storage


def _open_copy(file: Path) -> BaseStorage:
    """Opens a copy of a database that cannot be written."""
    copy = readable_copy(file)
    if _tables_of(copy).version is None:
        raise UserError(f"{file} holds no study yet, and it cannot be written")
    return RDBStorage(f"sqlite:///{copy}", skip_table_creation=True)


class _Tables(NamedTuple):
    """Whether a file has tables of Optuna, and their version, which is written when all of them have been made."""

    exist: bool
    version: str | None


def _tables_of(file: Path) -> _Tables:
    """Looks into a database; it is created if it is missing.

    Raises:
        UserError: the tables are another program's.
    """
    with contextlib.closing(sqlite3.connect(file, timeout=TIMEOUT_S)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not tables & _TABLES:
            raise UserError(
                f"{file} is a database of another program (it has tables such as '{min(tables)}'), and nothing of it was "
                f"changed; name another file in PARETEXT_STORAGE"
            )
        if "alembic_version" not in tables:
            return _Tables(bool(tables), None)
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return _Tables(True, row and str(row[0]))
