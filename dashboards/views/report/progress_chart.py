"""How good the front was at each moment of a search: its hypervolume over time, and over the lines that were trained on.

Decisions:
- Hypervolume: the share of a box that the front dominates. A fraction such as accuracy spans 0 to 1 in it. A cost spans, by its
  logarithm, the smallest to the largest candidate that reads. It is for this study alone; other studies have other boxes.
- Time is that in which something was trained. Gaps between two runs of a study are left out: nothing has ended for longer than
  `IDLE_S`, and for longer than three of its longest epochs.
- Lines are those of all epochs that were trained, also those that were trained again after a fault.
"""

from __future__ import annotations

import bisect
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from dashboards.views.report.contents import Contents, Epochs
from dashboards.views.report.kinds import BLUE
from studies.objectives.objective import Objective
from studies.objectives.pareto import hypervolume
from studies.storage.front_point import FrontPoint

IDLE_S = 600.0
"""Seconds without any event that count as a gap between two runs."""


@dataclass(frozen=True)
class Progress:
    """The front's hypervolume whenever it has grown.

    Attributes:
        hours: of training until then.
        lines: trained on until then; empty where the study does not know.
        values: hypervolume from then on, in [0, 1].
        trials: the trial by which it has grown.
    """

    hours: Sequence[float]
    lines: Sequence[float]
    values: Sequence[float]
    trials: Sequence[int]


def progress_of(contents: Contents) -> Progress:
    """The progress of a study; empty while nothing reads."""
    ended = contents.ended
    points = sorted((p for p in contents.points if p.reads and p.trial in ended), key=lambda p: (ended[p.trial], p.trial))
    if not points:
        return Progress([], [], [], [])
    clock = _Clock([*ended.values()], contents.epochs)
    scales = [_Scale.of(objective, points) for objective in contents.objectives]
    front: list[tuple[float, ...]] = []
    hours, lines, values, trials = [0.0], [0.0], [0.0], [points[0].trial]
    for point in points:
        at = tuple(scale.of_point(point) for scale in scales)
        if any(all(a <= b for a, b in zip(known, at, strict=True)) for known in front):
            continue
        front = [known for known in front if not all(a <= b for a, b in zip(at, known, strict=True))] + [at]
        hours.append(clock.hours(ended[point.trial]))
        lines.append(clock.epochs(ended[point.trial]) * contents.recorded("training"))
        values.append(hypervolume(front, (1.0,) * len(scales)))
        trials.append(point.trial)
    hours.append(clock.hours(math.inf))
    lines.append(clock.epochs(math.inf) * contents.recorded("training"))
    return Progress(hours, lines if lines[-1] else [], [*values, values[-1]], [*trials, trials[-1]])


class _Clock:
    """Counts hours of training and epochs.

    Args:
        ended: when each trial ended, Unix time in seconds.
        epochs: of all trainings.
    """

    def __init__(self, ended: Sequence[float], epochs: Mapping[str, Epochs]) -> None:
        all_epochs = [epoch for log in epochs.values() for epoch in log if "ended" in epoch]
        self._epochs = sorted(float(epoch["ended"]) for epoch in all_epochs)
        began = [float(epoch["ended"]) - float(epoch["seconds"]) for epoch in all_epochs]
        self._events = sorted([*ended, *self._epochs, *([min(began)] if began else [])])
        idle_s = max(IDLE_S, 3 * max((float(epoch["seconds"]) for epoch in all_epochs), default=0.0))
        self._busy, total = [0.0], 0.0
        for earlier, later in zip(self._events, self._events[1:], strict=False):
            total += later - earlier if later - earlier <= idle_s else 0.0
            self._busy.append(total)

    def hours(self, until: float) -> float:
        """Hours of training until a moment."""
        return self._busy[max(0, bisect.bisect_right(self._events, until) - 1)] / 3600

    def epochs(self, until: float) -> int:
        """Epochs that had ended by a moment."""
        return bisect.bisect_right(self._epochs, until)


@dataclass(frozen=True)
class _Scale:
    """Maps an objective to [0, 1], where 0 is best."""

    objective: Objective
    best: float
    worst: float

    @classmethod
    def of(cls, objective: Objective, points: Sequence[FrontPoint]) -> _Scale:
        values = [objective.to_minimize(objective.measured(p)) for p in points]
        if objective.scale == "linear" and min(values) >= 0 and max(values) <= 1:
            return cls(objective, 0.0, 1.0)
        finite = [v for v in values if math.isfinite(v)] or [1.0]
        return cls(objective, min(finite), max(finite))

    def of_point(self, point: FrontPoint) -> float:
        value = self.objective.to_minimize(self.objective.measured(point))
        if self.objective.scale == "log" and self.best > 0:
            return self._share(math.log(value), math.log(self.best), math.log(self.worst))
        return self._share(value, self.best, self.worst)

    @staticmethod
    def _share(value: float, best: float, worst: float) -> float:
        return min(1.0, (value - best) / (worst - best)) if worst > best else 0.0


def progress_charts(progress: Progress) -> dict[str, Any]:
    """Charts over hours, and over lines if they are known."""
    charts = {}
    hours = progress.hours
    minutes = bool(hours) and hours[-1] < 2
    spans = {
        "over-time": ([60 * h for h in hours] if minutes else hours, f"{'minutes' if minutes else 'hours'} of search"),
        "over-lines": (progress.lines, "lines trained on"),
    }
    for name, (across, title) in spans.items():
        if across:
            figure = go.Figure(
                go.Scatter(
                    x=list(across),
                    y=list(progress.values),
                    mode="lines",
                    line={"shape": "hv", "color": BLUE, "width": 2},
                    customdata=list(progress.trials),
                    hovertemplate="%{y:.3f} with trial %{customdata}<extra></extra>",
                )
            )
            figure.update_xaxes(title=title, rangemode="tozero")
            figure.update_yaxes(title="hypervolume", rangemode="tozero")
            charts[name] = figure
    return charts
