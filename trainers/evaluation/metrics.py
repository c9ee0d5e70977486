"""Readings against the truth: exact matches and character errors. The torch module and the exported file are scored alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class Score:
    """What reading some lines came to.

    Attributes:
        lines: how many were read.
        right: how many without a fault.
        edits: insertions, deletions and substitutions over all lines.
        characters: characters of the truth over all lines.
    """

    lines: int
    right: int
    edits: int
    characters: int

    @property
    def accuracy(self) -> float:
        """Share of lines read without a fault, in [0, 1]."""
        return self.right / self.lines if self.lines else 0.0

    @property
    def cer(self) -> float:
        """Edits per character of the truth, 0 and up."""
        return self.edits / max(1, self.characters)


def score(truths: Iterable[str], readings: Iterable[str]) -> Score:
    """Compares readings with the truth, line by line."""
    lines = right = edits = characters = 0
    for truth, reading in zip(truths, readings, strict=True):
        lines += 1
        right += truth == reading
        edits += Levenshtein.distance(truth, reading)
        characters += len(truth)
    return Score(lines, right, edits, characters)


def spread(lines: int, at_most: int) -> list[int]:
    """Line numbers, at most so many, evenly spread; 0 means all."""
    if not at_most or at_most >= lines:
        return list(range(lines))
    return [int(i) for i in np.linspace(0, lines - 1, at_most).round()]
