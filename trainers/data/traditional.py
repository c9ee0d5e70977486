"""Traditional to simplified Chinese characters, one to one, from OpenCC's table (`traditional_to_simplified.txt`, Apache-2.0).

Kept as a table of our own, so that a normaliser does the same on every machine and in ten years.
"""

from __future__ import annotations

from pathlib import Path


def _read(file: Path) -> str:
    rows = file.read_text(encoding="utf-8").split("\n")
    return "".join(row for row in rows if not row.startswith("#"))


PAIRS = _read(Path(__file__).with_name("traditional_to_simplified.txt"))
"""Characters in pairs: traditional, simplified, traditional, simplified ..."""
