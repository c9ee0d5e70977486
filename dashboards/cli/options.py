"""Values of options: checked where they are written, so that a message names the option."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def whole_number(least: int, most: int | None = None) -> Callable[[str], int]:
    """What reads a whole number from `least` up, and up to `most` where there is one."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least or (most is not None and int(text) > most):
            rule = f"{least} or more" if most is None else f"from {least} to {most}"
            raise argparse.ArgumentTypeError(f"must be a whole number, {rule}, not '{text}'")
        return int(text)

    return read


count = whole_number(1)
"""Reads how many: 1 or more."""
seed = whole_number(0)
"""Reads a seed: 0 or more."""
trial_number = whole_number(0)
"""Reads the number of a trial of a study: 0 or more."""
whole_percent = whole_number(0, 100)
"""Reads a percentage without decimals."""


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 (any free one) to 65535, not '{text}'")
    return int(text)


def size(text: str) -> str:
    """A size such as 500KB, 10MB or 1.5MiB, as written."""
    from search_space.units import parse_size

    return _as_written(text, parse_size)


def valid(check: Callable[[str], str]) -> Callable[[str], str]:
    """What takes a text as it is written, once `check` has accepted it."""

    def read(text: str) -> str:
        return _as_written(text, check)

    return read


def names(text: str) -> list[str]:
    """Words with commas between them."""
    return [word.strip() for word in text.split(",") if word.strip()]


def _as_written(text: str, read: Callable[[str], object]) -> str:
    """The text, once it has been found that it can be read."""
    try:
        read(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
    return text
