"""Values of options: checked where they are written, so that a message names the option."""

from __future__ import annotations

import argparse
from collections.abc import Callable


def count(text: str) -> int:
    """A whole number, 1 or more."""
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number, 1 or more, not '{text}'")
    return number


def seed(text: str) -> int:
    """A whole number, 0 or more."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not '{text}'")
    return int(text)


def port(text: str) -> int:
    """A TCP port; 0 takes a free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 (any free one) to 65535, not '{text}'")
    return int(text)


def size(text: str) -> str:
    """A size such as 500KB, 10MB or 1.5MiB, as written."""
    from search_space.sizes import parse_size

    return _as_written(text, parse_size)


def number(text: str) -> str:
    """A count such as 250000, 250K or 1.5M, as written."""
    from search_space.sizes import parse_count

    return _as_written(text, parse_count)


def duration(text: str) -> str:
    """A duration such as 90s, 30m or 2h, as written."""
    from studies.definition.durations import parse_duration

    return _as_written(text, parse_duration)


def milliseconds(text: str) -> str:
    """A short time such as 4ms, as written."""
    from studies.definition.durations import parse_milliseconds

    return _as_written(text, parse_milliseconds)


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
