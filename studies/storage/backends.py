"""Where studies are kept: a SQLite file (the default), a journal file, or a PostgreSQL server.

    sqlite:///runs/optuna.db                        one machine
    journal:/shared/optuna.journal                  one file that is only appended to, also on a network file system
    postgresql+psycopg://user:password@host/name    many machines; needs pip install 'paretext[postgres]'

Decisions:
- A database that goes away (a restart, a network fault, a full disk) is waited for, with a line now and then: the trainings go
  on meanwhile. A call is then made again as a whole; Optuna's calls may be, but for one: a trial that was opened when the
  answer got lost is opened twice, and the search closes the first at its next start.
- SQLite is in WAL mode, so that a dashboard can read while a search writes.
- A journal that was cut off in the middle of a line by a power cut is mended by the next search: only that line is lost.
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
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from studies.storage.batched_journal import BatchedJournalStorage
from studies.storage.batched_rdb import BatchedRDBStorage
from studies.storage.batched_writes import open_trial, write_trial
from trainers.base.errors import UserError

Storage = BaseStorage
"""What `open_storage` returns, for those who do not import Optuna."""

JOURNAL = "journal:"
PATIENCE_S = 900.0
"""How long a database that has gone away is waited for."""
PAUSE_S, LONGEST_PAUSE_S, TOLD_EVERY_S = 0.5, 5.0, 15.0

optuna.logging.set_verbosity(optuna.logging.WARNING)


def open_storage(url: str, tell: Callable[[str], None] | None = None) -> BaseStorage:
    """Opens a storage; SQLite and journal files are made if they are missing.

    Args:
        url: one of the forms above.
        tell: told, a line each, when the database has gone away and when it is back; with it calls are made again until
            they succeed. None lets them fail at once.

    Raises:
        UserError: it cannot be opened or written.
    """
    try:
        if url.startswith(JOURNAL):
            path = Path(url.removeprefix(JOURNAL)).expanduser()
            path.parent.mkdir(parents=True, exist_ok=True)
            if tell is None:
                return JournalStorage(JournalFileBackend(str(path)))
            _mend(path)
            return BatchedJournalStorage(path)
        storage = _sqlite(url) if url.startswith("sqlite:///") else _server(url)
    except ModuleNotFoundError as error:
        raise UserError(
            f"the study database {hidden(url)} needs a driver ({error}); pip install 'paretext[postgres]'"
        ) from None
    except (SQLAlchemyError, sqlite3.Error, OSError, optuna.exceptions.StorageInternalError) as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise UserError(
            f"the study database {hidden(url)} cannot be opened ({reason}); check the address, its rights and the disk"
        ) from None
    if tell is None:
        return optuna.storages.get_storage(storage)  # with Optuna's cache: a reader asks for the same trials again
    return PatientStorage(storage, tell)  # type: ignore[abstract]  # its methods are set below


def hidden(url: str) -> str:
    """A storage's address for a person, without the password."""
    with contextlib.suppress(sqlalchemy.exc.ArgumentError):
        return sqlalchemy.make_url(url).render_as_string(hide_password=True)
    return url


def _sqlite(url: str) -> RDBStorage:
    path = Path(url.removeprefix("sqlite:///"))
    path.parent.mkdir(parents=True, exist_ok=True)
    with sqlite3.connect(path, timeout=60) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    connection.close()
    storage = BatchedRDBStorage(url, engine_kwargs={"connect_args": {"timeout": 60}})
    # with WAL, NORMAL loses at most the last commit on a power cut and nothing on a crash; it saves an fsync a commit
    sqlalchemy.event.listen(storage.engine, "connect", lambda c, _: c.execute("PRAGMA synchronous=NORMAL"))
    storage.engine.dispose()
    return storage


def _server(url: str) -> RDBStorage:
    one_that_batches = sqlalchemy.make_url(url).get_backend_name() == "postgresql"
    return (BatchedRDBStorage if one_that_batches else RDBStorage)(url, engine_kwargs={"pool_pre_ping": True})


def _mend(journal: Path) -> None:
    """Takes off a last line that was never finished: Optuna could not read what is written after it."""
    if not journal.exists():
        return
    with journal.open("rb+") as file:
        held = file.read()
        if held and not held.endswith(b"\n"):
            file.truncate(held.rfind(b"\n") + 1)


def _is_away(error: BaseException) -> bool:
    """Whether the database, and not the call, is at fault."""
    if isinstance(error, optuna.exceptions.StorageInternalError):
        return error.__cause__ is not None and _is_away(error.__cause__)
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
        return "no such" not in str(error)  # what SQLite calls a missing table or column
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _patient(name: str) -> Callable[..., Any]:
    """A method that calls the wrapped storage's until the database answers."""

    def method(self: PatientStorage, *args: Any, **named: Any) -> Any:
        return self.insist(getattr(self.wrapped, name), *args, **named)

    method.__name__ = name
    return method


class PatientStorage(BaseStorage):
    """Another storage whose calls are made again while its database is away.

    Args:
        wrapped: the storage.
        tell: told when the database has gone away, and when it is back.
    """

    def __init__(self, wrapped: BaseStorage, tell: Callable[[str], None]) -> None:
        self.wrapped, self.tell = wrapped, tell

    def open_trial(self, *args: Any) -> tuple[int, int]:
        """See `studies.storage.batched_writes.open_trial`; made again as a whole, like every other call."""
        opened: tuple[int, int] = self.insist(open_trial, self.wrapped, *args)
        return opened

    def write_trial(self, *args: Any) -> None:
        """See `studies.storage.batched_writes.write_trial`."""
        self.insist(write_trial, self.wrapped, *args)

    def insist(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Makes a call until it succeeds.

        Raises:
            UserError: the database was away for `PATIENCE_S`.
        """
        began = told = time.monotonic()
        pause_s, lost = PAUSE_S, False
        while True:
            try:
                answer = call(*args, **named)
            except Exception as error:
                if not _is_away(error):
                    raise
                now = time.monotonic()
                if now - began > PATIENCE_S:
                    raise UserError(
                        f"the study database did not answer for {PATIENCE_S / 60:.0f} minutes; once it does, the same command "
                        f"again goes on"
                    ) from None
                if not lost or now - told > TOLD_EVERY_S:
                    reason = str(error.__cause__ or error).splitlines()[0]
                    self.tell(f"the study database does not answer ({reason}); trainings go on, trying again")
                    told, lost = now, True
                time.sleep(pause_s)
                pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
            else:
                if lost:
                    self.tell(f"the study database is back after {time.monotonic() - began:.0f} s")
                return answer


for _name in dir(BaseStorage):
    if not _name.startswith("_"):
        setattr(PatientStorage, _name, _patient(_name))
PatientStorage.__abstractmethods__ = frozenset()
