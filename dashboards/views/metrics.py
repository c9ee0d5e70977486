"""How metrics are shown: one heading and one way of writing for each objective."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from dashboards.views.console import percent
from search_space import write_size


@dataclass(frozen=True)
class Column:
    """A metric as a column of a table.

    Attributes:
        heading: at the top.
        write: a value of it for a person.
    """

    heading: str
    write: Callable[[float], str]


COLUMNS = {
    "accuracy": Column("accuracy", percent),
    "cer": Column("CER", percent),
    "size": Column("size", lambda value: write_size(int(value))),
    "latency": Column("latency", lambda value: f"{value:.2f} ms"),
    "flops": Column("MFLOPs", lambda value: f"{value / 1e6:.1f}"),
}
"""Objective's name (`studies.objectives.objectives.OBJECTIVES`) to its column."""
