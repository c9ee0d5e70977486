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
- SQLite files are opened in `studies.storage.sqlite_file`, journal files in `studies.storage.journal_file`.
- A database of another program, which has tables but not Optuna's, is refused before anything is written to it.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Mapping
from typing import Any

import optuna
import sqlalchemy
from optuna.storages import BaseStorage, RDBStorage
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from studies.optuna_internals.attribute_writes import set_trial_attributes
from studies.storage.journal_file import open_journal
from studies.storage.sqlite_file import open_sqlite
from studies.workspace.storage_url import FORMS, StorageUrl, parse_storage_url
from trainers.base.errors import UserError, one_line
from trainers.base.redaction import redact

Storage = BaseStorage
"""What `open_storage` returns, for those who do not import Optuna."""

RETRY_LIMIT_S = 900.0
"""Seconds after which a search gives up on a database: long enough to restart or update a server."""
FIRST_PAUSE_S = 0.5
"""Seconds before the first retry; each pause is twice as long as the one before."""
FIND_STUDY = "get_study_id_from_name"
"""The call that answers with a KeyError that there is no such study; any other says by it that one is gone."""
LONGEST_PAUSE_S = 5.0
"""Seconds between retries at most, so that a search resumes soon after its database does."""
NOTIFY_INTERVAL_S = 15.0
"""Seconds between two messages about the same lost connection."""

DAMAGE = ("no such", "malformed", "not a database", "Could not decode", "unrecognized token", "syntax error")
"""What drivers say of a database that answers, but lacks a table or is damaged: it does not become better by waiting."""

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
    parsed = parse_storage_url(url)
    try:
        storage = _open(parsed, mend=notify is not None)
    except UserError:
        raise
    except ImportError as error:
        raise UserError(
            f"the study database {parsed.shown} needs a driver that is not installed ({_reason(error)}); "
            f"pip install 'paretext[postgres]' and write postgresql+psycopg://"
        ) from None
    except RuntimeError as error:  # what Optuna raises for tables of another version
        raise UserError(
            f"the study database {parsed.shown} was made by another version of Optuna ({_reason(error)}); upgrade its tables "
            f"with 'optuna storage upgrade --storage URL' after a copy, or install the other version"
        ) from None
    except Exception as error:  # Optuna, SQLAlchemy, alembic and each driver have exceptions of their own
        raise UserError(
            f"the study database {parsed.shown} cannot be opened ({_reason(error)}); check the URL, the access rights and the "
            f"disk, or restore it from a copy"
        ) from None
    if notify is None:
        return optuna.storages.get_storage(storage)
    return RetryingStorage(storage, notify)  # type: ignore[abstract]  # its methods are set below


def _open(url: StorageUrl, mend: bool) -> BaseStorage:
    if url.file is None:
        return _server(url.text)
    return open_journal(url.file, mend) if url.kind == "journal" else open_sqlite(url.file)


def _server(url: str) -> BaseStorage:
    try:
        made = sqlalchemy.make_url(url)
    except (ValueError, SQLAlchemyError):
        raise UserError(f"PARETEXT_STORAGE is not a URL of PostgreSQL: its port is not a number; write {FORMS}") from None
    # without an encoding, psycopg gives bytes in place of the version that SQLAlchemy asks for first
    named = {"client_encoding": "utf8"} if made.get_driver_name().startswith("psycopg") else {}
    engine = sqlalchemy.create_engine(made, connect_args=named)
    try:
        with engine.connect() as connection:
            encoding = connection.execute(sqlalchemy.text("SHOW server_encoding")).scalar_one()
            names = set(sqlalchemy.inspect(connection).get_table_names())
    finally:
        engine.dispose()
    if encoding == "SQL_ASCII":
        raise UserError(
            f"the study database {redact(url)} has the encoding SQL_ASCII, in which text comes back as bytes; make one with "
            f"ENCODING 'UTF8' TEMPLATE template0"
        )
    if "alembic_version" in names and "studies" not in names:
        raise UserError(
            f"the study database {redact(url)} belongs to another program, such as MLflow, and nothing of it was changed; name "
            f"another database"
        )
    return RDBStorage(url, engine_kwargs={"pool_pre_ping": True})


def _reason(error: BaseException) -> str:
    """The first line of what the exception at the root of a library's says, without passwords."""
    root = error.__cause__ or error
    said = str(root).strip()
    plain = isinstance(root, OSError | sqlite3.Error | SQLAlchemyError | ImportError | RuntimeError)
    return redact(said.splitlines()[0] if plain and said else one_line(root))[:300]


def _connection_lost(error: BaseException) -> bool:
    """Whether the database is to blame, and not the call."""
    if isinstance(error, optuna.exceptions.StorageInternalError):
        return error.__cause__ is not None and _connection_lost(error.__cause__)
    if isinstance(error, sqlalchemy.exc.OperationalError | sqlalchemy.exc.InterfaceError):
        return not any(words in str(error) for words in DAMAGE)
    return isinstance(error, DBAPIError) and error.connection_invalidated


def _retried(name: str) -> Callable[..., Any]:
    """A method that calls the one of that name of the wrapped storage, with retries."""

    def method(self: RetryingStorage, *args: Any, **named: Any) -> Any:
        if name == FIND_STUDY:
            return self.retry(getattr(self.wrapped, name), *args, **named)
        return self.retry_on_study(getattr(self.wrapped, name), *args, **named)

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

    def set_trial_attributes(self, trial_id: int, user: Mapping[str, Any], system: Mapping[str, Any]) -> None:
        """Writes attributes of an open trial: `studies.optuna_internals.attribute_writes.set_trial_attributes`."""
        self.retry_on_study(set_trial_attributes, self.wrapped, trial_id, user, system)

    def retry_on_study(self, call: Callable[..., Any], *args: Any, **named: Any) -> Any:
        """Makes a call that needs an existing study until it succeeds.

        Raises:
            UserError: it has not succeeded within `RETRY_LIMIT_S`, or the study was deleted.
        """
        try:
            return self.retry(call, *args, **named)
        except KeyError:
            raise UserError(
                "the study, or a trial of it, is not in the database any more: it was deleted while this process used it"
            ) from None

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
