"""How metrics are shown: the heading and the format of each objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.views.console import percent
from search_space import write_size

if TYPE_CHECKING:
    from studies.objectives.objective import Objective


@dataclass(frozen=True)
class Column:
    """A metric as a column of a table.

    Attributes:
        heading: of the column.
        write: formats a value.
    """

    heading: str
    write: Callable[[float], str]


COLUMNS = {
    "accuracy": Column("accuracy", percent),
    "cer": Column("CER", percent),
    "size": Column("size", lambda value: write_size(int(value))),
    "latency": Column("latency", lambda value: f"{value:.2f} ms"),
    "parameters": Column("parameters", lambda value: f"{value:,.0f}"),
    "flops": Column("MFLOPs", lambda value: f"{value / 1e6:.1f}"),
}
"""Name of a built-in objective to its column."""


def column_of(objective: Objective) -> Column:
    """The column of an objective; one of an installed package is shown under its name, with four digits."""
    return COLUMNS.get(objective.name, Column(objective.name, lambda value: f"{value:.4g}"))
