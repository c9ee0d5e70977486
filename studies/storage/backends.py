"""Storages of studies: a SQLite file (the default), a journal file, or a PostgreSQL server.

    sqlite:///runs/optuna.db                        one machine
    journal:/shared/optuna.journal                  one file that is only appended to, also on a network file system
    postgresql+psycopg://user:password@host/name    many machines; needs pip install 'paretext[postgres]'

Decisions:
- The storages are Optuna's own. A search opens them without Optuna's cache, which keeps every trial that was ever read in
  memory: a search reads its trials once, when it starts.
- Calls that fail because the connection is lost (restart of the server, network fault, full disk) are retried while trainings
  continue.
  Optuna's calls may be repeated, except one: if the answer to "create a trial" got lost, the trial exists twice, and the search
  closes the unused one.
- SQLite is in WAL mode, so that a dashboard can read while a search writes.
- Journal files are opened in `studies.storage.journal_file`.
- The tables of a new SQLite file are made under a lock, since two searches may start at the same time.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from studies.storage.journal_file import open_journal
from trainers.base.errors import UserError
from trainers.base.file_lock import locked
from trainers.base.redaction import redact

Storage = BaseStorage
"""What `open_storage` returns, for those who do not import Optuna."""

JOURNAL = "journal:"
"""Scheme of the URL of a journal file."""
RETRY_LIMIT_S = 900.0
"""Seconds after which a search gives up on a database: long enough to restart or update a server."""
FIRST_PAUSE_S = 0.5
"""Seconds before the first retry; each pause is twice as long as the one before."""
LONGEST_PAUSE_S = 5.0
"""Seconds between retries at most, so that a search resumes soon after its database does."""
NOTIFY_INTERVAL_S = 15.0
"""Seconds between two messages about the same lost connection."""

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(url: str, notify: Callable[[str], None] | None = None) -> BaseStorage:
    """Opens a storage; SQLite and journal files are created if they are missing.

    Args:
        url: one of the forms above.
        notify: for a search: receives one line when the connection is lost and one when it is back, and calls are retried.
            None is for readers: calls are not retried, and a SQL storage has Optuna's cache.

    Raises:
        UserError: the storage cannot be opened or written.
    """
    try:
        if url.startswith(JOURNAL):
            storage: BaseStorage = open_journal(Path(url.removeprefix(JOURNAL)).expanduser(), mend=notify is not None)
        else:
            storage = _sqlite(url) if url.startswith("sqlite:///") else _server(url)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the study database {redact(url)} needs a driver ({redact(str(error))}); pip install 'paretext[postgres]'"
        ) from None
    except (SQLAlchemyError, sqlite3.Error, OSError, optuna.exceptions.StorageInternalError) as error:
        reason = redact(str(error.__cause__ or error).splitlines()[0])
        raise UserError(
            f"the study database {redact(url)} cannot be opened ({reason}); check the URL, the access rights and the disk"
        ) from None
    if notify is None:
        return optuna.storages.get_storage(storage)
    return RetryingStorage(storage, notify)  # type: ignore[abstract]  # its methods are set below


def _sqlite(url: str) -> BaseStorage:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    # two searches may start at once: Optuna makes its tables without a lock, and no timeout holds for a change of the mode
    alone = contextlib.nullcontext() if _has_tables(path) else locked(path.with_name(f"{path.name}.lock"))
    with alone:
        with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        storage = RDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    # with WAL, NORMAL loses at most the last commits on a power cut and nothing on a crash; it saves one fsync for each commit
    sqlalchemy.event.listen(storage.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=NORMAL"))
    storage.engine.dispose()
    return storage


def _has_tables(path: Path) -> bool:
    """Whether Optuna has made all its tables in a SQLite file; the version of the last one is written at the end."""
    with contextlib.closing(sqlite3.connect(path, timeout=60)) as connection:
        tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        return "alembic_version" in tables and bool(connection.execute("SELECT 1 FROM alembic_version").fetchone())


def _server(url: str) -> BaseStorage:
    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})


def _connection_lost(error: BaseException) -> bool:
    """Whether the database is to blame, and not the call."""
    if isinstance(error, optuna.exceptions.StorageInternalError):
        return error.__cause__ is not None and _connection_lost(error.__cause__)
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
        return "no such" not in str(error)  # SQLite's words for a missing table or column
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _retried(name: str) -> Callable[..., Any]:
    """A method that calls the one of that name of the wrapped storage, with retries."""

    def method(self: RetryingStorage, *args: Any, **named: Any) -> Any:
        return self.retry(getattr(self.wrapped, name), *args, **named)

    method.__name__ = name
    return method


class RetryingStorage(BaseStorage):
    """A storage whose calls are retried while the connection to its database is lost.

    Args:
        wrapped: the storage.
        notify: receives one line when the connection is lost, and one when it is back.
    """

    def __init__(self, wrapped: BaseStorage, notify: Callable[[str], None]) -> None:
        self.wrapped, self.notify = wrapped, notify

    def retry(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Makes a call until it succeeds.

        Raises:
            UserError: it has not succeeded within `RETRY_LIMIT_S`.
        """
        began = notified = time.monotonic()
        pause_s, lost = FIRST_PAUSE_S, False
        while True:
            try:
                answer = call(*args, **named)
            except Exception as error:
                if not _connection_lost(error):
                    raise
                now = time.monotonic()
                if now - began > RETRY_LIMIT_S:
                    raise UserError(
                        f"the study database did not answer for {RETRY_LIMIT_S / 60:.0f} minutes; "
                        f"run the same command again once it does, and the study resumes"
                    ) from None
                if not lost or now - notified > NOTIFY_INTERVAL_S:
                    reason = redact(str(error.__cause__ or error).splitlines()[0])
                    self.notify(f"the study database does not answer ({reason}); trainings continue, and the search retries")
                    notified, lost = now, True
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if lost:
                    self.notify(f"the study database is back after {time.monotonic() - began:.0f} s")
                return answer


for _name in dir(BaseStorage):
    if not _name.startswith("_"):
        setattr(RetryingStorage, _name, _retried(_name))
RetryingStorage.__abstractmethods__ = frozenset()
