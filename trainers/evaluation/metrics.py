"""Compares readings with labels: exact matches and character errors, for the torch module and for the exported file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from rapidfuzz.distance import Levenshtein

from trainers.data.normalisers import normalise


class Labelled(Protocol):
    """Lines whose labels have been normalised.

    Attributes:
        normaliser: name of the normaliser that was applied to the labels.
    """

    @property
    def normaliser(self) -> str: ...


@dataclass(frozen=True)
class Score:
    """Counts over the lines that were read.

    Attributes:
        lines: number of lines.
        right: number of lines without an error.
        edits: insertions, deletions and substitutions in all lines.
        characters: characters of all labels.
    """

    lines: int
    right: int
    edits: int
    characters: int

    @property
    def accuracy(self) -> float:
        """Fraction of lines read without an error, in [0, 1]."""
        return self.right / self.lines if self.lines else 0.0

    @property
    def cer(self) -> float:
        """Edits per character of the labels, 0 or more."""
        return self.edits / max(1, self.characters)


def as_labels(readings: Iterable[str], lines: Labelled) -> list[str]:
    """Readings as they are compared with the labels of some lines: after the normaliser that the labels went through."""
    return [normalise(lines.normaliser, reading) for reading in readings]


def score(truths: Iterable[str], readings: Iterable[str]) -> Score:
    """Compares readings with labels, line by line, as they are given (see `as_labels`)."""
    lines = right = edits = characters = 0
    for truth, reading in zip(truths, readings, strict=True):
        lines += 1
        right += truth == reading
        edits += Levenshtein.distance(truth, reading)
        characters += len(truth)
    return Score(lines, right, edits, characters)


def evenly_spaced(lines: int, at_most: int) -> list[int]:
    """Numbers of at most `at_most` lines, evenly spaced; 0 means all."""
    if not at_most or at_most >= lines:
        return list(range(lines))
    return [int(i) for i in np.linspace(0, lines - 1, at_most).round()]
