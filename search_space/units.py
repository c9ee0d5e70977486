"""Reads and writes sizes and counts with units: 500KB, 10MB (decimal), 1.5MiB (binary); 250K, 1.5M."""

from __future__ import annotations

import re

MOST = 10**15
"""The largest size in bytes, and the largest count: a thousand terabytes, and more multiply-adds than any network has."""
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "KIB": 2**10, "MIB": 2**20, "GIB": 2**30}


def parse_size(text: str) -> int:
    """Bytes in a written size.

    Args:
        text: a number and one of B, KB, MB, GB (powers of 1000) or KiB, MiB, GiB (powers of 1024), any case.

    Raises:
        ValueError: no unit, an unknown unit, or a size that is not above zero or above `MOST`.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", text)
    if match is None or match[2].upper() not in _UNITS:
        raise ValueError(f"'{_cut(text)}' is not a size; write a number and a unit, such as 500KB, 10MB or 1.5MiB")
    size_bytes = round(min(float(match[1]) * _UNITS[match[2].upper()], MOST + 1))
    if size_bytes <= 0:
        raise ValueError(f"'{text}' is not a size above zero")
    if size_bytes > MOST:
        raise ValueError(f"'{_cut(text)}' is not a size of at most {MOST // 10**12:,} TB")
    return size_bytes


_THOUSANDS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9}


def parse_count(text: str | int) -> int:
    """Parses a whole number as users write it.

    Args:
        text: a number, or one with K, M or G (powers of 1000): 250000, 250K, 1.5M.

    Raises:
        ValueError: something else, or not above zero, or above `MOST`.
    """
    match = re.fullmatch(r"\s*([0-9]*\.?[0-9]+)\s*([A-Za-z]*)\s*", str(text))
    if match is None or match[2].upper() not in _THOUSANDS:
        raise ValueError(f"'{_cut(text)}' is not a count; write a whole number, such as 250000, 250K or 1.5M")
    count = round(min(float(match[1]) * _THOUSANDS[match[2].upper()], MOST + 1))
    if count <= 0:
        raise ValueError(f"'{text}' is not a count above zero")
    if count > MOST:
        raise ValueError(f"'{_cut(text)}' is not a count of at most {MOST // 10**9:,}G")
    return count


def _cut(text: str | int) -> str:
    """A wrong value as a message shows it; a file may hold one of any length."""
    return f"{str(text)[:40]}…" if len(str(text)) > 40 else str(text)


def write_count(count: int) -> str:
    """Formats a count with three significant digits: 428258 -> '428K'."""
    for unit, scale in (("G", 10**9), ("M", 10**6), ("K", 10**3)):
        if count >= 0.9995 * scale:
            value = count / scale
            return f"{_three_digits(value)}{unit}"
    return str(count)


def write_size(size_bytes: int) -> str:
    """Formats a size in decimal units with three significant digits: 428258 -> '428KB', 1573420 -> '1.57MB'."""
    for unit, scale in (("GB", 10**9), ("MB", 10**6), ("KB", 10**3)):
        if size_bytes >= 0.9995 * scale:
            value = size_bytes / scale
            return f"{_three_digits(value)}{unit}"
    return f"{size_bytes}B"


def _three_digits(value: float) -> str:
    """A number below 999.5 with three significant digits."""
    return f"{value:.{2 if value < 9.995 else 1 if value < 99.95 else 0}f}"
