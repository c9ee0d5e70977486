"""SIGTERM ends a command as Ctrl-C does: systemd, Kubernetes, Slurm and `docker stop` send it, and kill some seconds later."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

EXIT_CODE = 128 + signal.SIGTERM
"""Exit code of a command that SIGTERM has ended, as shells report it."""


class Termination:
    """Whether SIGTERM has come.

    Attributes:
        requested: True once it has.
    """

    requested = False


@contextmanager
def like_interrupts() -> Iterator[Termination]:
    """Raises KeyboardInterrupt in the block when SIGTERM comes; a second one interrupts again, as a second Ctrl-C does.

    Where a program has a handler of its own, or outside the main thread, nothing changes.
    """
    came = Termination()

    def interrupt(number: int, frame: FrameType | None) -> None:
        came.requested = True
        raise KeyboardInterrupt

    alone = threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    if not alone:
        yield came
        return
    signal.signal(signal.SIGTERM, interrupt)
    try:
        yield came
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
