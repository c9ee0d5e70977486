"""Opens a journal file: refuses files of another kind, and removes the half line that a power cut has left at its end.

Decisions:
- Nothing is written to a file, and nothing is cut off it, unless its first line is one of Optuna's log entries. A mistyped path
  must not cost a database or a text its end.
- The half line is removed under Optuna's own lock: another process may be in the middle of appending a line.
- Nothing else of a journal is mended. Optuna replays all of it for every study, so a line that is damaged in the middle makes
  the whole file unreadable; that is said in one line.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import BinaryIO

from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileSymlinkLock

from trainers.base.errors import UserError

FIRST_BYTES = b'{"op_code":'
"""How every line of a journal begins, as Optuna 3 to 5 write it."""
LONGEST_FIRST_LINE = 1 << 20
"""Bytes of a first line that are read to see whether it is a log entry; it creates a study and has some hundred."""
BLOCK_BYTES = 1 << 16
"""Bytes that are read at once when the last line end is looked for from the end of the file."""


def open_journal(path: Path, mend: bool) -> JournalStorage:
    """Opens a journal, or creates it.

    Args:
        path: the file; its folder is created when missing.
        mend: remove a last line that has no end. Only a process that will write needs this.

    Raises:
        UserError: the file is not a journal, or it is damaged.
        OSError: it cannot be read or created.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _check(path)
        if mend:
            _remove_half_line(path)
    try:
        return JournalStorage(JournalFileBackend(str(path)))
    except (ValueError, KeyError, TypeError, AssertionError) as error:  # what Optuna raises while it replays damaged lines
        reason = f"{type(error).__name__}: {error}".splitlines()[0]
        raise UserError(f"the journal {path} is damaged ({reason}); restore it from a copy, or name another file") from None


def _check(path: Path) -> None:
    """Raises UserError unless a file is empty, or begins with a log entry or with the half of one."""
    with path.open("rb") as file:
        first = file.readline(LONGEST_FIRST_LINE)
    if not first or (first.startswith(FIRST_BYTES) and _is_entry(first)):
        return
    if not first.endswith(b"\n") and (first.startswith(FIRST_BYTES) or FIRST_BYTES.startswith(first)):
        return  # the first line was never written whole
    raise UserError(
        f"{path} is not a journal of Optuna, and nothing of it was changed; name a new file (journal:FILE), or write "
        f"sqlite:///FILE if it is a SQLite database"
    )


def _is_entry(line: bytes) -> bool:
    try:
        entry = json.loads(line)
    except ValueError:
        return not line.endswith(b"\n")
    return isinstance(entry, dict) and isinstance(entry.get("op_code"), int) and isinstance(entry.get("worker_id"), str)


def _remove_half_line(path: Path) -> None:
    """Removes a last line that has no end: Optuna could not read what is appended to it."""
    if _is_whole(path):
        return
    lock = JournalFileSymlinkLock(str(path))
    lock.acquire()
    try:
        if not _is_whole(path):  # otherwise its writer has ended the line meanwhile
            with path.open("rb+") as file:
                file.truncate(_end_of_last_line(file))
    finally:
        lock.release()


def _is_whole(path: Path) -> bool:
    """Whether a file is empty or ends with a line end."""
    with path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - 1))
        return size == 0 or file.read(1) == b"\n"


def _end_of_last_line(file: BinaryIO) -> int:
    """The number of bytes up to the last line end and with it; 0 without one."""
    end = file.seek(0, 2)
    while end > 0:
        start = max(0, end - BLOCK_BYTES)
        file.seek(start)
        found = file.read(end - start).rfind(b"\n")
        if found >= 0:
            return start + found + 1
        end = start
    return 0
