"""One process at a time: a lock that a file stands for and that dies with its holder, also by `kill -9`."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Taken(RuntimeError):
    """Another process holds the lock."""


@contextmanager
def locked(file: Path, wait: bool = True) -> Iterator[None]:
    """Holds `file` while the block runs.

    Args:
        file: made when missing, and left behind: removing it would let two processes lock two different files.
        wait: for the present holder to let go; otherwise Taken is raised at once.

    Raises:
        Taken: another process, or another thread of this one, holds it and `wait` is off.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            raise Taken(f"{file} is held by another process") from None
        yield  # closing the file lets go
