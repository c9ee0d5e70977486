"""Splits lines into training, validation and test lines, in the same way for all heights, charsets and studies.

Decisions:
- Lines are chosen in the order of a hash of their decoded images, before any resizing. So the choice does not depend on the
  names and the order of the lines or on the input height.
- The unit of a split is a picture (equal and nearly equal images, see `near_equal`), or a group if the data have a key for it,
  such as the page or the writer.
- Each source without validation lines of its own gives some of its training lines.
- A picture in two groups could be on two sides of the split. In that case its training lines are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trainers.base.errors import UserError

VALIDATION_SHARE = 0.1
"""Share of the lines that is used for validation if there are many."""
LEAST_VALIDATION_LINES = 200
"""Validation lines to use if a tenth would be fewer. With 200, one line is half a percent and the 95 % confidence interval of
an accuracy of 90 % is 4 points wide on each side; with 30, one line is 3.3 % and half of all candidates look alike."""
LARGEST_VALIDATION_SHARE = 0.2
"""Largest share of the lines that is used for validation; it keeps enough training lines if there are fewer than 1,000."""
MOST_VALIDATION_LINES = 4000
"""Largest number of validation lines. More would hardly distinguish candidates better (an accuracy of 90 % is known to within
0.9 points), and every export reads all of them."""
TEST_LINES_FROM = 2000
"""Number of training lines, without validation lines, from which test lines are set aside. With fewer, the loss of a tenth of
the training lines costs more accuracy than a test score with an uncertainty of 4 points is worth."""
TEST_SHARE = 0.1
"""Share of the training lines that is set aside as test lines."""
MOST_TEST_LINES = 2000
"""Largest number of test lines; with this many, an accuracy of 90 % is known to within 1.3 points."""

TRAINING, VALIDATION, TEST, LEFT_OUT = 0, 1, 2, 3
"""The sides of a split."""


def validation_count(lines: int) -> int:
    """Number of validation lines among `lines` lines: a tenth, at least 200, but at most a fifth and at most 4,000."""
    share = max(lines * VALIDATION_SHARE, min(LEAST_VALIDATION_LINES, lines * LARGEST_VALIDATION_SHARE))
    return max(1, min(round(share), MOST_VALIDATION_LINES))


def test_count(lines: int) -> int:
    """Number of test lines among so many training lines: a tenth, at most 2,000; 0 if there are fewer than 2,000 lines."""
    return 0 if lines < TEST_LINES_FROM else min(MOST_TEST_LINES, round(lines * TEST_SHARE))


@dataclass(frozen=True)
class Splitter:
    """Splits lines.

    Attributes:
        hashes: (N,) hash of each decoded image (`image_hash`).
        pictures: (N,) number of the picture that each line shows (`same_pictures`).
        source: (N,) number of the source of each line.
        groups: name of the group of each line, None for a line without one; None if the data have no key.
    """

    hashes: NDArray[np.uint64]
    pictures: NDArray[np.int64]
    source: NDArray[np.int64]
    groups: Sequence[str | None] | None = None

    def sides(self, gives_validation: Sequence[bool], gives_test: Sequence[bool]) -> NDArray[np.int8]:
        """Chooses the side of each line.

        Args:
            gives_validation: for each source, whether validation lines are chosen from it.
            gives_test: for each source, whether test lines are chosen from it if it has enough lines.

        Returns:
            (N,) `TRAINING`, `VALIDATION`, `TEST` or `LEFT_OUT`.

        Raises:
            UserError: all lines of a source are in one group.
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
        """(N,) number of the unit of each line: its group, or its picture if it has no group."""
        if self.groups is None:
            return self.pictures
        names = [f"group {g}" if g is not None else f"picture {p}" for g, p in zip(self.groups, self.pictures, strict=True)]
        units: NDArray[np.int64] = np.unique(names, return_inverse=True)[1].astype(np.int64)
        return units

    def _chosen(self, units: NDArray[np.int64], free: NDArray[np.bool_], count: int) -> NDArray[np.bool_]:
        """(N,) whether a line is chosen: takes the units with the smallest hashes, up to a number of free lines.

        If every unit has more lines, the smallest unit is chosen. If there is only one unit, none is chosen.
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
        """Leaves out lines whose picture is also on another side; validation has priority over test, and test over training."""
        if self.groups is None:
            return sides
        for keeps, loses in ((VALIDATION, TEST), (VALIDATION, TRAINING), (TEST, TRAINING)):
            twice = np.isin(self.pictures, self.pictures[sides == keeps]) & (sides == loses)
            sides[twice] = LEFT_OUT
        return sides
