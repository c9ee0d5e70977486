"""Families of rows: candidates that one training gives together, since they differ in a field that costs no training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from studies.samplers.front.encoding import Row, SpaceEncoder, row_of


class Families:
    """Knows who belongs together.

    Args:
        encoder: of the space.
        shared: the parameter that costs no training; None, or one that the space has not: every row is a family.
    """

    def __init__(self, encoder: SpaceEncoder, shared: str | None) -> None:
        self._place, count = encoder.place(shared) if shared is not None else (None, 1)
        self._values = row_of(np.arange(count, dtype=float))

    @property
    def single(self) -> bool:
        """Whether every row is a family."""
        return self._place is None

    def others(self, row: Row) -> list[Row]:
        """The rest of a row's family."""
        if self._place is None:
            return []
        before, after = row[: self._place], row[self._place + 1 :]
        return [(*before, x, *after) for x in self._values if x != row[self._place]]

    def whole(self, rows: Iterable[Row]) -> set[Row]:
        """These and the rest of their families."""
        return {member for row in rows for member in (row, *self.others(row))}

    def name(self, row: Row) -> Row:
        """Of a row's family: the row without what costs no training."""
        return row if self._place is None else (*row[: self._place], *row[self._place + 1 :])
