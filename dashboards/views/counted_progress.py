"""Shows how much of a counted piece of work is done: a bar on a terminal, otherwise a line every ten seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Self

SECONDS_BETWEEN_LINES = 10.0
"""Seconds between two lines of progress where there is no terminal."""


class CountedProgress:
    """Shows progress on stderr; a context manager that removes its bar.

    Args:
        what: names the work, such as "decoding lines".
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._bar: Any = None
        self._said = time.monotonic()

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.progress import Progress

            from dashboards.views.console import stderr_console

            self._bar = Progress(console=stderr_console(), transient=True)
            self._task = self._bar.add_task(self._what, total=None)
            self._bar.start()
        return self

    def _say(self, done: int, total: int) -> None:
        if time.monotonic() - self._said >= SECONDS_BETWEEN_LINES:
            self._said = time.monotonic()
            print(f"{self._what}: {done} of {total}", file=sys.stderr, flush=True)

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    @property
    def show(self) -> Callable[[int, int], None]:
        """Shows (done, total)."""
        if self._bar is None:
            return self._say
        bar, task = self._bar, self._task

        def show(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        return show
