"""Draws the files of a study as dots, its Pareto front as a step line, and says beside it what each point of the front is.

Decisions:
- Shapes are precisions and colours are fates, so that the picture can be read in grey.
- The descriptions stand in a column at the right, with a line to each point: beside the points they would lie over one another.
- An axis of a fraction keeps within 0 and 100 %.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dashboards.views.picture_file import write_picture
from search_space import write_size
from studies.objectives.limits import write_cost
from studies.storage.outcomes import Stopped, Suspended
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from studies.objectives.objective import Objective
    from studies.storage.front_point import FrontPoint
    from studies.storage.stored_trial import StoredTrial

FORMATS = (".png", ".svg", ".pdf")
"""Suffixes of the files that can be drawn."""
MOST_LABELS = 16
"""Points of the front that are described: more descriptions would not fit beside the picture."""
LABEL_CHARACTERS = 46
"""Longest description."""
SHAPES = {"fp32": "o", "fp16": "p", "int8": "s", "int4": "D"}
"""Precision to the shape of its points; entropy codes are triangles."""
LOG_FROM = 8.0
"""Ratio of the largest to the smallest cost from which on the axis of costs is logarithmic."""


def draw(
    points: list[FrontPoint],
    front: list[FrontPoint],
    name: str,
    file: Path,
    objectives: Sequence[Objective] | None = None,
    limits: Mapping[str, float] | None = None,
    others: Sequence[StoredTrial] = (),
) -> None:
    """Draws accuracy or CER of the candidates against one of their costs.

    Args:
        points: all measured candidates.
        front: the candidates on the front, smallest first.
        name: name of the study.
        file: a PNG, SVG or PDF, by its suffix.
        objectives: of the study; None means accuracy and size. Only the first measured one and the first cost are drawn.
        limits: of the study, by the metric of the cost.
        others: further trials; those that were stopped or suspended are drawn where they had come to.

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
    figure = Figure(figsize=(11, 5), layout="constrained")
    axes = figure.subplots()
    _draw_unfinished(axes, others, across, up)
    _draw_others(axes, points, {p.trial for p in front}, across, up)
    if len(sought) == 2 and front:
        steps = sorted(front, key=across.of)
        xs, ys = [across.of(p) for p in steps], [up.of(p) for p in steps]
        axes.step([*xs, max(map(across.of, points))], [*ys, ys[-1]], where="post", color="C0", linewidth=1.2, zorder=2)
    _draw_front(axes, front, across, up)
    _set_ends(axes, points, across, up, (limits or {}).get(across.metric))
    axes.set(xlabel=across.label, ylabel=up.label, title=f"study '{name}'")
    axes.grid(alpha=0.25)
    _describe(axes, front, across, up)
    figure.legend(loc="outside lower center", fontsize=8, ncols=8, frameon=False)  # where it covers no point
    write_picture(file, lambda content, form: figure.savefig(content, dpi=150, format=form))


def _shape(point: FrontPoint) -> str:
    return SHAPES.get(str(point.architecture.get("precision", "fp32")), "^")


def _draw_front(axes: Axes, front: Sequence[FrontPoint], across: _Axis, up: _Axis) -> None:
    """Draws the points of the front, a shape for each precision, with the 95 % intervals of accuracies."""
    for precision in dict.fromkeys(str(point.architecture.get("precision", "fp32")) for point in front):
        there = [point for point in front if str(point.architecture.get("precision", "fp32")) == precision]
        xs, ys = list(map(across.of, there)), list(map(up.of, there))
        label = f"front, {precision}"
        axes.scatter(xs, ys, s=44, color="C0", marker=_shape(there[0]), zorder=4, label=label, clip_on=False)
    with_interval = [(p, p.accuracy_interval) for p in front if up.name == "accuracy" and p.accuracy_interval is not None]
    for number, (point, interval) in enumerate(with_interval):
        low, high = (100 * end for end in interval)
        named = "_" if number else "95 % interval"
        axes.vlines(across.of(point), low, high, color="C0", alpha=0.45, linewidth=1.5, label=named)


def _draw_others(axes: Axes, points: list[FrontPoint], on_front: set[int], across: _Axis, up: _Axis) -> None:
    """Draws the candidates that are not on the front: what another beats, and what does not read."""
    dominated = [p for p in points if p.reads and p.trial not in on_front]
    unread = [p for p in points if not p.reads]
    for shape in dict.fromkeys(map(_shape, dominated)):
        there = [point for point in dominated if _shape(point) == shape]
        label = "dominated" if there[0] is dominated[0] else None
        axes.scatter([*map(across.of, there)], [*map(up.of, there)], s=20, color="0.6", marker=shape, zorder=3, label=label)
    if unread:
        xs, ys = list(map(across.of, unread)), list(map(up.of, unread))
        axes.scatter(xs, ys, s=22, marker="x", color="0.7", label="does not read", clip_on=False)


def _draw_unfinished(axes: Axes, trials: Sequence[StoredTrial], across: _Axis, up: _Axis) -> None:
    """Draws trainings that were stopped or suspended, where they had come to, at their estimated cost."""
    for kind, marker, label in ((Stopped, "v", "stopped"), (Suspended, "2", "suspended")):
        there = [(across.known(trial), up.reached(trial)) for trial in trials if isinstance(trial.outcome, kind)]
        shown = [(x, y) for x, y in there if x is not None and y is not None]
        if shown:
            xs, ys = zip(*shown, strict=True)
            axes.scatter(xs, ys, s=18, marker=marker, color="C1", alpha=0.7, label=label, clip_on=False)


def _set_ends(axes: Axes, points: Sequence[FrontPoint], across: _Axis, up: _Axis, limit: float | None) -> None:
    """Chooses the ends of both axes, and draws the limit of the cost."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    low, high = axes.get_ylim()
    if up.name in ("accuracy", "cer"):
        values = [up.of(point) for point in points]
        margin = max(2.0, 0.06 * (max(values) - min(values)))
        low, high = max(0.0, min(low, min(values) - margin)), min(100.0, max(high, max(values) + margin))
    axes.set_ylim(low, high)
    costs = [across.of(point) for point in points]
    if min(costs) > 0 and max(costs) > LOG_FROM * min(costs):
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    elif axes.get_xlim()[0] < 0:
        axes.set_xlim(left=0)
    if limit is None:
        return
    at, words = limit / across.scale, f"limit {write_cost(across.metric, limit)}"
    if at > 2 * max(costs):  # a line so far away would press the points into a corner
        axes.plot([], [], color="C3", linestyle="--", label=f"{words}, to the right")
        return
    axes.axvline(at, color="C3", linestyle="--", linewidth=1.2, label=words)


def _describe(axes: Axes, front: Sequence[FrontPoint], across: _Axis, up: _Axis) -> None:
    """Writes what the points of the front are, in a column at the right, each with a line to its point."""
    shown = list(front)
    if len(shown) > MOST_LABELS:  # evenly, with both ends
        shown = [shown[round(i * (len(shown) - 1) / (MOST_LABELS - 1))] for i in range(MOST_LABELS)]
    low, high = axes.get_ylim()
    wanted = [(up.of(point) - low) / ((high - low) or 1.0) for point in shown]
    order = sorted(range(len(shown)), key=lambda i: (wanted[i], across.of(shown[i])))
    heights = spread([wanted[i] for i in order], gap=1 / MOST_LABELS)
    for i, height in zip(order, heights, strict=True):
        point = shown[i]
        words = point.configuration.describe()
        words = words if len(words) <= LABEL_CHARACTERS else f"{words[: LABEL_CHARACTERS - 1]}…"
        axes.annotate(
            f"{point.trial}: {words}, {write_size(point.size_bytes)}",
            (across.of(point), up.of(point)),
            xytext=(1.03, height),
            textcoords="axes fraction",
            fontsize=8,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "0.8", "linewidth": 0.6, "shrinkA": 1, "shrinkB": 4, "relpos": (0, 0.5)},
            annotation_clip=False,
        )


def spread(wanted: Sequence[float], gap: float) -> list[float]:
    """Places near wanted ones, at least a gap apart.

    Args:
        wanted: places in [0, 1], rising.
        gap: between two places; all of them must fit into [0, 1].

    Returns:
        Places in [0, 1], rising.
    """
    places: list[float] = []
    for place in wanted:
        places.append(max(place, places[-1] + gap) if places else max(0.0, place))
    ceiling = 1.0
    for i in range(len(places) - 1, -1, -1):
        places[i] = min(places[i], ceiling)
        ceiling = places[i] - gap
    return places


@dataclass(frozen=True)
class _Axis:
    """How an objective is drawn."""

    name: str
    metric: str
    label: str
    scale: float
    of: Callable[[FrontPoint], float]

    def known(self, trial: StoredTrial) -> float | None:
        """The estimated cost of a trial."""
        value = None if trial.costs is None else getattr(trial.costs, self.metric, None)
        return None if value is None else value / self.scale

    def reached(self, trial: StoredTrial) -> float | None:
        """What a trial had reached at its last rung."""
        rung = trial.rungs[max(trial.rungs)] if trial.rungs else None
        return None if rung is None or self.name not in ("accuracy", "cer") else getattr(rung, self.name) / self.scale


def _axis(objective: Objective, points: list[FrontPoint]) -> _Axis:
    most = max(map(objective.measured, points))
    label, scale = {
        "accuracy": ("lines read without an error (%)", 0.01),
        "cer": ("character error rate (%)", 0.01),
        "size": ("size of the exported file (MB)", 1e6) if most >= 1e6 else ("size of the exported file (KB)", 1e3),
        "latency": ("milliseconds a line, one thread", 1.0),
        "flops": ("million multiply-adds", 1e6),
        "parameters": ("weights (thousands)", 1e3),
    }.get(objective.name, (objective.name, 1.0))
    return _Axis(objective.name, objective.metric, label, scale, lambda point: objective.measured(point) / scale)
