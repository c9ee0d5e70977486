"""The columns of the live table: which of them a terminal has room for, and what they say of each training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.table import Table
from rich.text import Text

from dashboards.views.console import percent
from dashboards.views.metrics import column_of
from dashboards.views.sparkline import cer_sparkline

if TYPE_CHECKING:
    from dashboards.views.front_growth import FrontGrowth
    from dashboards.views.live_rows import Row
    from studies.objectives.objective import Objective

COLUMNS_FOR_EPOCHS = 72
"""Columns of the table from which on there is one for the epochs, and curves; below, architectures would be cut to nothing."""
COLUMNS_FOR_SECONDS = 116
"""Columns of the table from which on there are those for the seconds of an epoch and the worker, and longer curves."""
SHORT_CURVE, LONG_CURVE = 4, 10
"""Columns of the curve of the character error rate."""
LEAST_STATE, LEAST_LONG_STATE = 12, 21
"""Columns that the state always has: `on the front` is as long, and `training, 10m30s left` in a wide terminal."""
TEXTS = ("architecture", "stored", "state")
"""Headings of the columns that are flush left."""


def training_table(rows: Sequence[Row], growth: FrontGrowth, width: int, ascii_only: bool, with_worker: bool) -> Table:
    """A table with a line for each training.

    Args:
        rows: the trainings.
        growth: the front, by which files are judged.
        width: of the table, in columns.
        ascii_only: draw no curves.
        with_worker: whether a wide table says where each one trains.
    """
    lines = [_cells(row, growth, width, ascii_only, with_worker) for row in rows]
    headings = list(lines[0]) if lines else ["trial", *TEXTS]
    needed = {name: max([len(name), *(len(line[name].plain) for line in lines)]) for name in headings}
    gap = 2 if width >= COLUMNS_FOR_SECONDS else 1
    room = (
        width - gap * (len(headings) - 1) - sum(size for name, size in needed.items() if name not in ("architecture", "state"))
    )
    least = min(LEAST_LONG_STATE if width >= COLUMNS_FOR_SECONDS else LEAST_STATE, max(LEAST_STATE, needed["state"]))
    architecture = max(10, min(needed["architecture"], room - least))
    widths = {"architecture": architecture, "state": max(least, min(needed["state"], room - architecture))}
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
    for name in headings:
        justify = "left" if name in TEXTS else "right"
        table.add_column(name, justify=justify, no_wrap=True, width=widths.get(name))  # type: ignore[arg-type]
    for line in lines:
        table.add_row(*line.values())
    return table


def _cells(row: Row, growth: FrontGrowth, width: int, ascii_only: bool, with_worker: bool) -> dict[str, Text]:
    """Heading to cell, in the order of the columns."""
    wide, widest = width >= COLUMNS_FOR_EPOCHS, width >= COLUMNS_FOR_SECONDS
    file = row.shown(growth)
    measured = row.measured if file is None else file.measurement
    cells = {
        "trial": Text(str(row.number)),
        "architecture": clipped(row.architecture),
        "stored": Text(row.precision if file is None else file.precision),
    }
    if wide:
        cells["epoch"] = Text(f"{row.epoch if file is None else file.epochs}/{row.epochs}")
    curve = 0 if not wide or ascii_only else LONG_CURVE if widest else SHORT_CURVE
    cells["CER"] = Text(_rate(row, row.rates[-1] if measured is None and row.rates else getattr(measured, "cer", None), curve))
    for objective in (objective for objective in growth.objectives if objective.name != "cer"):
        value = _so_far(objective, row) if measured is None else objective.measured(measured)
        written = "" if value is None or math.isinf(value) else column_of(objective).write(value)
        cells[column_of(objective).heading] = Text(written)
    if widest:
        cells["s/epoch"] = Text("" if row.epoch_seconds is None else f"{row.epoch_seconds:.1f}")
        if with_worker:
            cells["worker"] = Text(row.worker if row.is_training else "")
    return {**cells, "state": clipped(*row.state_words(growth, "long" if widest else "short" if wide else "epoch"))}


def clipped(words: str, style: str = "") -> Text:
    """Text that is cut when the terminal is narrow, and never wraps."""
    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _so_far(objective: Objective, row: Row) -> float | None:
    """What is known of an objective of a training that has no file yet."""
    if objective.metric == "size_bytes":
        return float(row.size_bytes)
    return row.reports[-1].accuracy if objective.metric == "accuracy" and row.reports else None


def _rate(row: Row, rate: float | None, columns: int) -> str:
    """The character error rate of a row, with its curve."""
    if rate is None:
        return ""
    return f"{cer_sparkline(row.rates, columns)} {percent(rate):>6}" if columns and row.rates else percent(rate)
