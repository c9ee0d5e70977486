"""Candidates that are one and the same network: they differ only in parameters that have no effect in it.

A network without an encoder is the same whatever size its encoder has in the parameters. If one of them has been tried, no
other is proposed.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Collection, Iterable

from studies.samplers.front.encoding import Row, SpaceEncoder
from studies.samplers.front.feasibility import Params


class EqualCandidates:
    """Which rows are equal.

    Args:
        encoder: of the space.
        unused: names of parameters that have no effect beside the others; continuous ones do not count. None: there are none.
    """

    def __init__(self, encoder: SpaceEncoder, unused: Callable[[Params], Collection[str]] | None) -> None:
        self._encoder, self._unused = encoder, unused

    def of(self, rows: Iterable[Row]) -> set[Row]:
        """These rows and all that are equal to one of them."""
        if self._unused is None:
            return set(rows)
        return {equal for row in rows for equal in self._equal(row, self._unused(self._encoder.decode(row)))}

    def _equal(self, row: Row, unused: Collection[str]) -> Iterable[Row]:
        values = [[x] for x in row]
        for name in unused:
            column, count = self._encoder.column_of(name)
            if column is not None:
                values[column] = [float(k) for k in range(count)]
        return itertools.product(*values)
