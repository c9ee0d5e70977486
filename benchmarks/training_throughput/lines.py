"""Photographs of numbers whose lengths are mixed as the labels of the seed's contest are: image files and their labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks.small_data.codes import draw_text

LENGTHS = (
    10368, 17419, 11925, 17565, 8357, 7098, 5473, 3729, 2754, 2346, 2260, 1586,
    1410, 1577, 1039, 946, 1157, 615, 502, 443, 394, 352, 372, 313,
)  # fmt: skip
"""How many of the contest's 100,000 training labels have 1, 2, ... 24 characters."""


def write_lines(folder: Path, count: int, seed: int) -> None:
    """Writes NNNNN.png and NNNNN.gt.txt; the same seed gives the same files."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    shares = np.array(LENGTHS) / sum(LENGTHS)
    for number in range(count):
        text = "".join(str(digit) for digit in rng.integers(0, 10, 1 + rng.choice(len(LENGTHS), p=shares)))
        draw_text(text, rng).save(folder / f"{number:05}.png")
        (folder / f"{number:05}.gt.txt").write_text(text + "\n", encoding="utf-8")
