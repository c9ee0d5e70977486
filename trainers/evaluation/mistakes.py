"""Finds the lines that an exported file reads worst."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from trainers.data.arrays import LineArrays
from trainers.evaluation.measure import readings_of
from trainers.evaluation.metrics import as_labels
from trainers.inference.reader import Reader, Reading


@dataclass(frozen=True)
class Mistake:
    """A line that was misread.

    Attributes:
        name: name of the line in the data.
        image: uint8 (H, W, 3).
        truth: label of the line.
        reading: text that was read, after the normaliser of the labels.
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
    return mistakes_among(lines, readings_of(Reader(model), lines))[:at_most]


def mistakes_among(lines: LineArrays, readings: Sequence[Reading]) -> list[Mistake]:
    """All lines that were misread: most wrong characters first, then those with the highest confidence.

    Args:
        lines: labelled lines.
        readings: of each of them.
    """
    found = []
    texts = as_labels((reading.text for reading in readings), lines)
    for i, (text, reading) in enumerate(zip(texts, readings, strict=True)):
        edits = Levenshtein.distance(lines.text(i), text)
        if edits:
            found.append(Mistake(lines.name(i), lines.image(i), lines.text(i), text, reading.confidence, edits))
    return sorted(found, key=lambda m: (-m.edits, -m.confidence))
