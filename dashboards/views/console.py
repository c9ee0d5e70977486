"""Consoles: results go to stdout, progress and notes to stderr. Without a terminal, tables have a fixed width."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

WIDTH_WITHOUT_TERMINAL = 150
"""Columns of a table in a file or a pipe, wide enough that nothing is cut."""


def stdout_console() -> Console:
    """The console for results."""
    return _console(stderr=False)


def stderr_console() -> Console:
    """The console for progress and notes."""
    return _console(stderr=True)


def _console(stderr: bool) -> Console:
    from rich.console import Console

    console = Console(stderr=stderr, highlight=False)
    return console if console.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH_WITHOUT_TERMINAL)


def print_json(value: Any) -> None:
    """Prints a value as JSON."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def percent(fraction: float) -> str:
    """A fraction in [0, 1] as a percentage: 0.9525 -> '95.2 %'."""
    return f"{fraction * 100:.1f} %"


def accuracy_words(accuracy: float, lines: int) -> str:
    """Formats an accuracy with its 95 % confidence interval: '97.6 % (95.8-98.6)'; without a number of lines, no interval."""
    if not lines:
        return percent(accuracy)
    from trainers.evaluation.uncertainty import interval_words, wilson_interval

    return f"{percent(accuracy)} {interval_words(*wilson_interval(accuracy, lines))}"
