"""What the command line says of an exception: one line for each kind that a request, a file or a machine can cause.

Decisions:
- This is the one place where exceptions of the libraries become a line. A module catches one only where it can say more, such
  as the name of the file.
- A library's exceptions are known by the names of their classes, so that no library is imported here.
- Everything else is a defect of the program, and its traceback is shown.
"""

from __future__ import annotations

import errno
import json
import sqlite3
from collections.abc import Callable

from search_space.architecture import RefusedArchitecture
from search_space.catalog import UnknownComponent
from trainers.base.errors import TrainingFault, UserError, one_line
from trainers.base.printable import printable
from trainers.base.redaction import redact


def line_of(error: BaseException) -> str | None:
    """One line for stderr, without passwords; None if the exception is a defect of the program."""
    for kind in type(error).__mro__:
        say = _OWN.get(kind) or _OF_LIBRARIES.get(f"{kind.__module__}.{kind.__qualname__}")
        if say is not None:
            return printable(redact(say(error)))
    return None


def _fault(error: BaseException) -> str:
    assert isinstance(error, TrainingFault)
    return f"the training failed ({error.kind}): {error.reason}"


def _machine(error: BaseException) -> str:
    """A full disk, a missing right, a lost mount, too many open files."""
    number = error.errno if isinstance(error, OSError) else None
    return f"this machine failed: {one_line(error)}" + ("" if number is None else _REMEDIES.get(number, ""))


def _reason(error: BaseException) -> str:
    """What the exception at the root of a library's says, in its first line."""
    while error.__cause__ is not None:
        error = error.__cause__
    return one_line(error)


def _database(error: BaseException) -> str:
    if "disk is full" in (reason := _reason(error)):
        return f"the disk is full ({reason}), and nothing was changed; make room, then run the same command again"
    return (
        f"a database failed ({reason}): studies are in optuna.db and models in mlflow.db of the workspace folder, "
        f"unless PARETEXT_STORAGE or MLFLOW_TRACKING_URI name another place: repair that file, or restore it from a copy"
    )


_FULL = "; make room, then run the same command again"
_MANY = "; allow more open files, such as: ulimit -n 1024"
_REMEDIES = {errno.ENOSPC: _FULL, errno.EDQUOT: _FULL, errno.EMFILE: _MANY, errno.ENFILE: _MANY}
"""What helps, by the number of the system's error."""
_OWN: dict[type, Callable[[BaseException], str]] = {
    UserError: str,
    RefusedArchitecture: str,
    UnknownComponent: str,
    TrainingFault: _fault,
    OSError: _machine,
    MemoryError: lambda _: "this machine has not enough memory for this; close other programs, or give it smaller data",
    RecursionError: lambda _: "a file is nested too deeply to be read; look at the files that you named",
    sqlite3.Error: _database,
    json.JSONDecodeError: lambda error: f"a file or a database holds damaged JSON ({one_line(error)}); restore it from a copy",
}
_OF_LIBRARIES: dict[str, Callable[[BaseException], str]] = {
    "sqlalchemy.exc.SQLAlchemyError": _database,
    "optuna.exceptions.StorageInternalError": _database,
    "mlflow.exceptions.MlflowException": lambda error: f"MLflow failed: {_reason(error)}",
}
"""Full name of a class to what is said of its exceptions."""
