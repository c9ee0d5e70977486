"""Types of option values. argparse checks them, so that its message names the option."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """A type that parses a whole number of at least `least` and, if given, at most `most`."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            rule = f"{least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number, {rule}, not '{text}'")
        return int(text)

    return read


count = whole_number(1)
"""Parses a count: 1 or more."""
seed = whole_number(0)
"""Parses a seed: 0 or more."""
trial_number = whole_number(0)
"""Parses the number of a trial: 0 or more."""
whole_percent = whole_number(0, 100)
"""Parses a whole percentage, 0 to 100."""


def port(text: str) -> int:
    """Parses a TCP port; 0 is any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 (any free one) to 65535, not '{text}'")
    return int(text)


def size(text: str) -> str:
    """Checks a size such as 500KB, 10MB or 1.5MiB and returns the text."""
    from search_space.units import parse_size

    return _as_written(text, parse_size)


def valid(check: Callable[[str], str]) -> Callable[[str], str]:
    """A type that returns the text if `check` accepts it."""

    def read(text: str) -> str:
        return _as_written(text, check)

    return read


def valid_or_false(check: Callable[[str], str]) -> Callable[[str], str | bool]:
    """A type that returns the text if `check` accepts it, and False for the word `false`, as a study file writes it."""

    def read(text: str) -> str | bool:
        return text.lower() != "false" and _as_written(text, check)

    return read


def names(text: str) -> list[str]:
    """Splits a text at commas."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _as_written(text: str, read: Callable[[str], object]) -> str:
    """Returns the text if `read` accepts it."""
    try:
        read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
