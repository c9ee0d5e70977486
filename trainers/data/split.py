"""Which lines train, which measure, and which are set aside for the end: one answer for all heights, charsets and studies.

Decisions:
- The order in which lines are chosen is that of a hash of their images as they were decoded, before any resizing: the same
  lines every time, whatever their names and order, and at every input height.
- What is chosen are whole pictures (equal and nearly equal images, `near_equal`), or whole groups where the data have a
  key for them, such as the page or the writer.
- Each source without validation lines of its own gives some.
- A picture that lies in two groups would be on two sides: its training lines are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.base.errors import UserError

VALIDATION_SHARE = 0.1
"""Share of the lines that measures where there are many; training keeps the rest."""
LEAST_VALIDATION_LINES = 200
"""Lines that measure where a tenth would be fewer: with 200 a line is half a percent, and an accuracy of 90 % is known to
within 4 points (95 %); with 30 the steps are 3.3 % and half of all candidates look alike."""
LARGEST_VALIDATION_SHARE = 0.2
"""Share of the lines that measures where there are fewer than 1,000: beyond that, training would lose too much."""
MOST_VALIDATION_LINES = 4000
"""Validation lines beyond this tell candidates hardly better apart (90 % is known to within 0.9 points), and every export reads
all of them."""
TEST_LINES_FROM = 2000
"""Training lines, after validation lines are chosen, from which test lines are set aside. Below, a tenth of them costs more
accuracy than knowing it to within 4 points is worth."""
TEST_SHARE = 0.1
"""Share of the remaining lines that is set aside for the end."""
MOST_TEST_LINES = 2000
"""Test lines beyond this tell nothing more: an accuracy of 90 % is known to within 1.3 points."""

TRAINING, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, 3
"""Sides of a split."""


def validation_count(lines: int) -> int:
    """How many of so many lines measure: a tenth, but at least 200, but at most a fifth and at most 4,000."""
    share = max(lines * VALIDATION_SHARE, min(LEAST_VALIDATION_LINES, lines * LARGEST_VALIDATION_SHARE))
    return max(1, min(round(share), MOST_VALIDATION_LINES))


def test_count(lines: int) -> int:
    """How many of so many training lines are set aside as test lines: a tenth and at most 2,000; 0 below 2,000 lines."""
    return 0 if lines < TEST_LINES_FROM else min(MOST_TEST_LINES, round(lines * TEST_SHARE))


@dataclass(frozen=True)
class Splitter:
    """Lines that are to be split.

    Attributes:
        hashes: (N,) of each image as decoded (`image_hash`).
        pictures: (N,) number of each line's picture (`same_pictures`).
        source: (N,) number of the source that each line is from.
        groups: N names of each line's group, None for a line without one; None where the data have no key.
    """

    hashes: NDArray[np.uint64]
    pictures: NDArray[np.int64]
    source: NDArray[np.int64]
    groups: Sequence[str | None] | None = None

    def sides(self, gives_validation: Sequence[bool], gives_test: Sequence[bool]) -> NDArray[np.int8]:
        """The side of each line.

        Args:
            gives_validation: of each source, whether validation lines are chosen from it.
            gives_test: of each source, whether test lines are, where there are enough.

        Returns:
            (N,) `TRAINING`, `VALIDATION`, `TEST` or `LEFT_OUT`.

        Raises:
            UserError: all the lines of a source are in one group.
        """
        units = self._units()
        sides = np.full(len(self.hashes), TRAINING, dtype=np.int8)
        eligible = np.array(gives_validation, dtype=bool)[self.source]
        wanted = validation_count(int(eligible.sum())) / max(1, int(eligible.sum()))
        for number in np.flatnonzero(gives_validation):
            free = (self.source == number) & (sides == TRAINING)
            if not free.any():
                continue
            if self.groups is not None and len(np.unique(units[free])) < 2:
                raise UserError("all lines of a source are in one group: it cannot be split; choose another group, or none")
            sides[self._chosen(units, free, max(1, round(wanted * int(free.sum()))))] = VALIDATION
        free = np.array(gives_test, dtype=bool)[self.source] & (sides == TRAINING)
        count = test_count(int(free.sum()))
        if count and len(np.unique(units[free])) > 1:
            sides[self._chosen(units, free, count) & (sides == TRAINING)] = TEST
        return self._apart(sides)

    def _units(self) -> NDArray[np.int64]:
        """(N,) number of what each line is chosen with: its group, else its picture."""
        if self.groups is None:
            return self.pictures
        names = [f"group {g}" if g is not None else f"picture {p}" for g, p in zip(self.groups, self.pictures, strict=True)]
        units: NDArray[np.int64] = np.unique(names, return_inverse=True)[1].astype(np.int64)
        return units

    def _chosen(self, units: NDArray[np.int64], free: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        """(N,) lines of some units: those with the smallest hashes that together have at most so many free lines.

        Where every unit has more, it is the smallest one; a single unit is left to training.
        """
        key = np.full(int(units.max()) + 1, np.iinfo(np.uint64).max, dtype=np.uint64)
        np.minimum.at(key, units, self.hashes)
        sizes = np.bincount(units[free], minlength=len(key))
        in_order = [int(u) for u in np.argsort(key, kind="stable") if sizes[u]]
        chosen, left = [], count
        for unit in in_order:
            if sizes[unit] <= left:
                chosen.append(unit)
                left -= int(sizes[unit])
        if not chosen and len(in_order) > 1:
            chosen = [min(in_order, key=lambda unit: int(sizes[unit]))]
        found: NDArray[np.bool_] = np.isin(units, chosen)
        return found

    def _apart(self, sides: NDArray[np.int8]) -> NDArray[np.int8]:
        """The sides, without lines whose picture is also on another side: validation keeps it before test and training."""
        if self.groups is None:
            return sides
        for keeps, loses in ((VALIDATION, TEST), (VALIDATION, TRAINING), (TEST, TRAINING)):
            twice = np.isin(self.pictures, self.pictures[sides == keeps]) & (sides == loses)
            sides[twice] = LEFT_OUT
        return sides
