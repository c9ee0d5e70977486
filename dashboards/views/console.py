"""Consoles: results go to stdout, progress and notes to stderr; tables are never cut where there is no terminal."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 150
"""Columns of a table in a file or a pipe, where nothing tells how wide it may be."""


def stdout_console() -> Console:
    """For what was asked for."""
    return _console(stderr=False)


def stderr_console() -> Console:
    """For progress and notes."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def print_json(value: Any) -> None:
    """Prints a value for a script."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def percent(share: float) -> str:
    """A share in [0, 1] for a person: 0.9525 -> '95.2 %'."""
    return f"{share * 100:.1f} %"


def accuracy_words(accuracy: float, lines: int) -> str:
    """An accuracy with its 95 % confidence interval for a person: '97.6 % (95.8-98.6)'; without lines, without interval."""
    if not lines:
        return percent(accuracy)
    from trainers.evaluation.uncertainty import wilson_interval

    low, high = wilson_interval(accuracy, lines)
    return f"{percent(accuracy)} ({low * 100:.1f}-{high * 100:.1f})"
