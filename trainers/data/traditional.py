"""Maps traditional to simplified Chinese characters by OpenCC's table (`traditional_to_simplified.txt`, Apache-2.0).

The table is part of this repository, so that a normaliser gives the same result on every machine and in every release.
"""

from __future__ import annotations

from pathlib import Path


def _read(file: Path) -> str:
    rows = file.read_text(encoding="utf-8").split("\n")
    return "".join(row for row in rows if not row.startswith("#"))


PAIRS = _read(Path(__file__).with_name("traditional_to_simplified.txt"))
"""The table as one string: traditional, simplified, traditional, simplified ..."""
