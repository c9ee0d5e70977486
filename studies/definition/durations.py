"""Parses and formats durations: 90s, 30m, 2h, 1h30m; 4ms."""

from __future__ import annotations

import re

LONGEST_S = 36_500 * 86_400.0
"""Seconds of the longest duration, a hundred years."""
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}


def parse_duration(text: str) -> float:
    """Seconds in a written duration.

    Args:
        text: numbers with the units s, m, h or d, largest first: `90s`, `30m`, `1h30m`.

    Raises:
        ValueError: no unit, an unknown unit, or a duration that is not above zero or above `LONGEST_S`.
    """
    short = f"{text[:40]}…" if len(text) > 40 else text  # for messages: a file may hold a text of any length
    parts = re.findall(r"([0-9]*\.?[0-9]+)([smhd])", text.strip().lower())
    if not parts or "".join(n + u for n, u in parts) != text.strip().lower():
        raise ValueError(f"'{short}' is not a duration; write a number and a unit, such as 90s, 30m or 2h")
    seconds = sum(float(number) * _UNITS_S[unit] for number, unit in parts)
    if seconds <= 0:
        raise ValueError(f"'{short}' is not a duration above zero")
    if seconds > LONGEST_S:
        raise ValueError(f"'{short}' is not a duration of at most {LONGEST_S / 86_400:.0f}d")
    return seconds


def parse_milliseconds(text: str) -> float:
    """Milliseconds in a written time: `4ms`, `0.5ms`, or any duration such as `1s`.

    Raises:
        ValueError: no unit, an unknown unit, or a time that is not above zero.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*ms\s*", text.lower())
    if match is None:
        return 1000 * parse_duration(text)
    if not 0 < float(match[1]) <= 1000 * LONGEST_S:
        raise ValueError(f"'{text[:40]}' is not a time above zero and of at most {LONGEST_S / 86_400:.0f}d")
    return float(match[1])


def write_duration(seconds: float) -> str:
    """Formats a duration: 42s, 3m10s, 1h05m."""
    whole = max(0, round(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
