"""Candidates that are tried before any others, because they are known to do well."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set

from studies.samplers.front.encoding import Row, SpaceEncoder
from studies.samplers.front.feasibility import Params


class FirstCandidates:
    """What is tried first.

    Args:
        encoder: of the space.
        given: for each candidate, its parameters: more than one where it can be had in several forms, such as precisions, of
            which one is enough. Those from outside the space are left out.
    """

    def __init__(self, encoder: SpaceEncoder, given: Sequence[Sequence[Params]]) -> None:
        self._given = [[row for params in forms if (row := encoder.encode(params)) is not None] for forms in given]

    def next(self, taken: Set[Row], is_feasible: Callable[[Row], bool]) -> Row | None:
        """The next one of which no form is taken, in its first form that is feasible; None when there is none left."""
        for forms in self._given:
            if taken.isdisjoint(forms):
                for row in forms:
                    if is_feasible(row):
                        return row
        return None
