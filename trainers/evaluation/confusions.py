"""Counts which characters are read as which others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz.distance import Levenshtein


@dataclass(frozen=True)
class Confusion:
    """A pair of characters.

    Attributes:
        truth: character of a label; empty for one that is read where there is none.
        reading: what is read in its place; empty for a character that is not read.
        count: how often.
        share: of the occurrences of `truth` in all labels, in [0, 1]; None where `truth` is empty.
    """

    truth: str
    reading: str
    count: int
    share: float | None


def confusions(truths: Iterable[str], readings: Iterable[str]) -> list[Confusion]:
    """All pairs of characters that are confused, the most frequent first; their counts add up to the edits of the CER.

    Each line is aligned by one of its shortest sequences of edits. Where there are several, which characters are paired is a
    choice of the alignment.

    Args:
        truths: label of each line.
        readings: text that was read in each line.
    """
    pairs: Counter[tuple[str, str]] = Counter()
    characters: Counter[str] = Counter()
    for truth, reading in zip(truths, readings, strict=True):
        characters.update(truth)
        for edit in Levenshtein.editops(truth, reading):
            there = "" if edit.tag == "insert" else truth[edit.src_pos]
            read = "" if edit.tag == "delete" else reading[edit.dest_pos]
            pairs[there, read] += 1
    found = [
        Confusion(truth, reading, count, count / characters[truth] if truth else None)
        for (truth, reading), count in pairs.items()
    ]
    return sorted(found, key=lambda confusion: (-confusion.count, confusion.truth, confusion.reading))
