"""Finds the lines that an exported file reads worst."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from trainers.data.arrays import LineArrays
from trainers.inference.reader import Reader


@dataclass(frozen=True)
class Mistake:
    """A line that was misread.

    Attributes:
        name: name of the line in the data.
        image: uint8 (H, W, 3).
        truth: label of the line.
        reading: text that was read.
        confidence: of the reader, in [0, 1].
        edits: edit distance between the two, in characters.
    """

    name: str
    image: NDArray[np.uint8]
    truth: str
    reading: str
    confidence: float
    edits: int


def worst_mistakes(model: Path, lines: LineArrays, at_most: int) -> list[Mistake]:
    """The lines that a file reads worst: most wrong characters first, then those with the highest confidence.

    Args:
        model: an exported file.
        lines: labelled lines to read.
        at_most: number of lines to return.
    """
    images = [lines.image(i) for i in range(len(lines))]
    found = []
    for i, reading in enumerate(Reader(model).read(images)):
        edits = Levenshtein.distance(lines.text(i), reading.text)
        if edits:
            found.append(Mistake(lines.name(i), images[i], lines.text(i), reading.text, reading.confidence, edits))
    return sorted(found, key=lambda m: (-m.edits, -m.confidence))[:at_most]
