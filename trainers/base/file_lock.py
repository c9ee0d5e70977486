"""A lock between processes: held on a file, and released by the system when its holder dies, also by `kill -9`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


class LockHeld(RuntimeError):
    """Another process holds the lock."""


@contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[None]:
    """Holds a lock while the block runs.

    Args:
        file: the lock file. It is created when missing and never removed: if it were, two processes could lock two
            different files of the same name.
        wait: wait until the holder releases the lock; otherwise raise `LockHeld` at once.

    Raises:
        LockHeld: another process, or another block of this one, holds the lock and `wait` is False.
        OSError: the file cannot be created.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    # preserve_lock_file: also no marker file where the file system has no locks, since it would outlive a killed holder
    lock = FileLock(str(file), blocking=wait, preserve_lock_file=True)
    try:
        lock.acquire()
    except Timeout:
        raise LockHeld(f"{file} is locked by another process") from None
    try:
        yield
    finally:
        lock.release()
