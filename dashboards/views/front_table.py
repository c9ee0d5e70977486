"""The front as a table, with confidence intervals and marks for files that the validation lines do not distinguish."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from dashboards.views.console import accuracy_words, percent
from search_space import write_size

if TYPE_CHECKING:
    from studies.storage.front_point import FrontPoint


WIDTH_FOR_PARAMETERS = 100
"""Columns from which on the table has one for the number of parameters; below, architectures would be broken into pieces."""


def front_table(front: list[FrontPoint], width: int) -> Group:
    """The front, smallest first, and a line that explains its marks, if it has any.

    A point that the validation lines do not distinguish from the next smaller one, such as trial 5, has the mark `= 5`.

    Args:
        front: of a study.
        width: of the terminal, in columns.
    """
    with_parameters = width >= WIDTH_FOR_PARAMETERS
    marked = any(point.equal_to is not None for point in front)
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 1))
    table.add_column("trial", justify="right")
    table.add_column("architecture")
    table.add_column("accuracy", justify="right", no_wrap=True)
    if marked:
        table.add_column("", no_wrap=True)
    tested = any(point.test_accuracy is not None for point in front)
    for name in (*(["test lines"] if tested else []), "CER", "size", "latency", *(["parameters"] if with_parameters else [])):
        table.add_column(name, justify="right", no_wrap=True)
    for point in front:
        equal = [] if not marked else ["" if point.equal_to is None else f"= {point.equal_to}"]
        table.add_row(
            str(point.trial),
            _architecture(point),
            accuracy_words(point.accuracy, point.validation_lines),
            *equal,
            *([_tested(point)] if tested else []),
            percent(point.cer),
            write_size(point.size_bytes),
            f"{point.latency_ms:.2f} ms",
            *([f"{point.parameters:,}"] if with_parameters else []),
        )
    return Group(table, *(Text(line) for line in _explained(front)))


def _tested(point: FrontPoint) -> str:
    """Accuracy on the test lines, which the search has never seen."""
    return "" if point.test_accuracy is None else accuracy_words(point.test_accuracy, point.test_lines)


def _architecture(point: FrontPoint) -> str:
    """The architecture and searched recipe settings in a few words; of what has not been trained to the end, also how far."""
    words = point.configuration.describe()
    return f"{words}, {point.stage}" if point.stage else words


def _explained(front: list[FrontPoint]) -> Iterator[str]:
    """What the marks mean, one line; none where no point has one."""
    marked = [point for point in front if point.equal_to is not None]
    if marked:
        pairs = "; ".join(f"{point.trial} and {point.equal_to}, p = {point.equal_p:.2g}" for point in marked)
        lines = f"{marked[0].validation_lines:,} validation lines"
        yield f"= N: the {lines} do not tell this file from that of trial N (exact McNemar test: {pairs})"
