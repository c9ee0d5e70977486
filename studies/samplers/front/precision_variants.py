"""Precision variants: rows that one training yields together, since they differ only in a parameter that costs no training."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from studies.objectives.pareto import Point
from studies.samplers.front.encoding import Row, SpaceEncoder, to_row
from studies.samplers.front.feasibility import Feasibility
from studies.samplers.front.observations import ObservationTable

MAX_VARIANT_PARENTS = 200
"""Number of best trainings whose other precisions are scored: computing the costs of one takes milliseconds."""


class VariantGroups:
    """Which rows are variants of each other.

    Args:
        encoder: of the space.
        variant_parameter: the parameter that costs no training, such as the precision of stored weights; None, or one that the
            space does not have: no row has a variant.
    """

    def __init__(self, encoder: SpaceEncoder, variant_parameter: str | None) -> None:
        self._column, count = encoder.column_of(variant_parameter) if variant_parameter is not None else (None, 1)
        self._values = to_row(np.arange(count, dtype=float))

    @property
    def disabled(self) -> bool:
        """Whether no row has a variant."""
        return self._column is None

    def others(self, row: Row) -> list[Row]:
        """The other variants of a row."""
        if self._column is None:
            return []
        before, after = row[: self._column], row[self._column + 1 :]
        return [(*before, x, *after) for x in self._values if x != row[self._column]]

    def with_variants(self, rows: Iterable[Row]) -> set[Row]:
        """These rows and all their variants."""
        return {variant for row in rows for variant in (row, *self.others(row))}

    def first_variant(self, row: Row) -> Row:
        """The first variant of a row, the same for all that one training yields."""
        return row if self._column is None else (*row[: self._column], self._values[0], *row[self._column + 1 :])

    def training_of(self, row: Row) -> Row:
        """Identifies the training that yields a row: the row without the variant parameter."""
        return row if self._column is None else (*row[: self._column], *row[self._column + 1 :])


def observations_of_variants(
    table: ObservationTable,
    reached: Mapping[Row, Mapping[int, Point]],
    groups: VariantGroups,
    known: Feasibility,
    last_rung: int,
) -> dict[Row, dict[int, Point]]:
    """Observations of the variants of the best trainings: at the same rung, with the same learnt values and their own costs.

    Args:
        table: trainings that have reached a rung.
        reached: row to rung to values there.
        groups: which rows are variants of each other.
        known: costs of the variants, and which of them may train.
        last_rung: that of a full training, from which each variant has values of its own.
    """
    found: dict[Row, dict[int, Point]] = {}
    if groups.disabled or not known.known_objectives:
        return found
    for row in table.best(MAX_VARIANT_PARENTS).rows:
        early = {rung: point for rung, point in reached[row].items() if rung < last_rung}
        if row in known.infeasible:  # its training failed
            continue
        for other in groups.others(row) if early else ():
            if known.check(other):
                costs = dict(zip(known.known_objectives, known.costs[other], strict=True))
                values = {rung: tuple(costs.get(k, x) for k, x in enumerate(point)) for rung, point in early.items()}
                found[other] = values | dict(found.get(other, reached.get(other, {})))
    return found
