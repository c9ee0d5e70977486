"""Draws the candidates of a study as dots and their Pareto front as a step line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.base.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from studies.objectives.objective import Objective
    from studies.storage.front_point import FrontPoint

FORMATS = (".png", ".svg", ".pdf")
"""Suffixes of the files that can be drawn."""


def draw(
    points: list[FrontPoint], front: list[FrontPoint], name: str, file: Path, objectives: Sequence[Objective] | None = None
) -> None:
    """Draws accuracy or CER of the candidates against one of their costs.

    Args:
        points: all measured candidates.
        front: the candidates on the front, smallest first.
        name: name of the study.
        file: a PNG, SVG or PDF, by its suffix.
        objectives: of the study; None means accuracy and size. Only the first measured one and the first cost are drawn.

    Raises:
        UserError: there is nothing to draw, the suffix is another one, or the file cannot be written.
    """
    if file.suffix.lower() not in FORMATS:
        raise UserError(f"cannot draw into {file}; use a file that ends in {', '.join(FORMATS)}")
    if not points:
        raise UserError(f"study '{name}' has no trained candidate yet, so there is nothing to draw")
    from matplotlib.figure import Figure

    from studies.objectives.catalog import DEFAULT, objectives_of

    sought = objectives or objectives_of(DEFAULT)
    across = _axis(next(o for o in sought if o.before_training), points)
    up = _axis(next(o for o in sought if not o.before_training), points)
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    _draw_others(axes, points, {p.trial for p in front}, across, up)
    if len(sought) == 2 and front:
        steps = sorted(front, key=across.of)
        xs, ys = [across.of(p) for p in steps], [up.of(p) for p in steps]
        axes.step([*xs, max(map(across.of, points))], [*ys, ys[-1]], where="post", color="C0")
    axes.scatter(list(map(across.of, front)), list(map(up.of, front)), s=42, color="C0", zorder=3, label="front")
    for point in front:
        at = (across.of(point), up.of(point))
        if up.name == "accuracy" and point.accuracy_interval is not None:
            axes.vlines(at[0], *(100 * end for end in point.accuracy_interval), color="C0", alpha=0.5, linewidth=1)
        axes.annotate(str(point.trial), at, textcoords="offset points", xytext=(4, 5), fontsize=8)
    axes.set(xlabel=across.label, ylabel=up.label, title=f"study '{name}'")
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from None


def _draw_others(axes: Axes, points: list[FrontPoint], on_front: set[int], across: _Axis, up: _Axis) -> None:
    """Draws the candidates that are not on the front: what another beats, and what does not read."""
    dominated = [p for p in points if p.reads and p.trial not in on_front]
    unread = [p for p in points if not p.reads]
    axes.scatter(list(map(across.of, dominated)), list(map(up.of, dominated)), s=24, color="0.65", label="dominated")
    if unread:
        xs, ys = list(map(across.of, unread)), list(map(up.of, unread))
        axes.scatter(xs, ys, s=24, marker="x", color="0.8", label="does not read")


@dataclass(frozen=True)
class _Axis:
    """How an objective is drawn."""

    name: str
    label: str
    of: Callable[[FrontPoint], float]


def _axis(objective: Objective, points: list[FrontPoint]) -> _Axis:
    most = max(map(objective.measured, points))
    label, scale = {
        "accuracy": ("lines read without a fault (%)", 0.01),
        "cer": ("character error rate (%)", 0.01),
        "size": ("size of the exported file (MB)", 1e6) if most >= 1e6 else ("size of the exported file (KB)", 1e3),
        "latency": ("milliseconds a line, one thread", 1.0),
        "flops": ("million multiply-adds", 1e6),
        "parameters": ("weights (thousands)", 1e3),
    }.get(objective.name, (objective.name, 1.0))
    return _Axis(objective.name, label, lambda point: objective.measured(point) / scale)
