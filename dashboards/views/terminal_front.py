"""A small plot of the front in characters, for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from dashboards.views.metrics import column_of

if TYPE_CHECKING:
    from dashboards.views.front_growth import FrontGrowth
    from studies.objectives.objective import Objective

LABEL_COLUMNS = 8
"""Columns for the values at the left."""
ON_FRONT, BEATEN = "●", "·"
"""Characters of a file on the front and of another one."""


def terminal_front(growth: FrontGrowth, columns: int, rows: int, ascii_only: bool = False) -> Text:
    """Draws the measured files: the first objective known before training from left to right, the first measured one upwards.

    Args:
        growth: what was measured.
        columns: of the whole drawing.
        rows: of the whole drawing, with its heading and the values below it.
        ascii_only: use characters that every terminal has.

    Returns:
        The drawing; empty while nothing reads, and of a study without such a pair of objectives.
    """
    across = next((o for o in growth.objectives if o.before_training), None)
    up = next((o for o in growth.objectives if not o.before_training), None)
    if across is None or up is None or not growth.measured:
        return Text()
    width, height = columns - LABEL_COLUMNS - 1, rows - 3
    xs, ys = _cells(across, growth, width), _cells(up, growth, height)
    places = [(x, y, growth.holds(m)) for x, y, (_, m) in zip(xs, ys, growth.measured, strict=True)]
    cells = {(x, y): False for x, y, _ in places}
    cells |= {(x, y): True for x, y, held in places if held}
    front, beaten, wall, floor = ("o", ".", "|", "-") if ascii_only else (ON_FRONT, BEATEN, "│", "─")
    low, high = _written_ends(up, growth)
    drawing = Text(f"{column_of(up).heading} against {column_of(across).heading}\n", style="dim", no_wrap=True)
    for row in range(height - 1, -1, -1):
        label = high if row == height - 1 else low if row == 0 else ""
        drawing.append(f"{label:>{LABEL_COLUMNS}}{wall}", style="dim")
        for column in range(width):
            held = cells.get((column, row))
            drawing.append(*((" ",) if held is None else (front, "green") if held else (beaten, "dim")))
        drawing.append("\n")
    drawing.append(" " * (LABEL_COLUMNS + 1) + floor * width + "\n", style="dim")
    left, right = _written_ends(across, growth)
    drawing.append(" " * (LABEL_COLUMNS + 1) + left + right.rjust(max(0, width - len(left))), style="dim")
    return drawing


def _cells(objective: Objective, growth: FrontGrowth, cells: int) -> list[int]:
    """The cell of each file among so many: 0 for the lowest value that was measured, the last for infinite ones."""
    low, high = (_scaled(objective, value) for value in _ends(objective, growth))
    values = [_scaled(objective, objective.measured(measurement)) for _, measurement in growth.measured]
    step = (high - low) or 1.0
    return [round((value - low) / step * (cells - 1)) if math.isfinite(value) else cells - 1 for value in values]


def _ends(objective: Objective, growth: FrontGrowth) -> tuple[float, float]:
    values: Sequence[float] = [objective.measured(measurement) for _, measurement in growth.measured]
    finite = [value for value in values if math.isfinite(value)] or [0.0]
    return min(finite), max(finite)


def _written_ends(objective: Objective, growth: FrontGrowth) -> tuple[str, str]:
    low, high = _ends(objective, growth)
    write = column_of(objective).write
    return write(low), write(high)


def _scaled(objective: Objective, value: float) -> float:
    return math.log(max(value, 1e-12)) if objective.scale == "log" else value
