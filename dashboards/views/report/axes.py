"""How an objective is drawn and written: its unit, its scale, and its value of a trial that has no file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dashboards.views.metrics import column_of
from studies.objectives.objective import Objective
from studies.storage.front_point import FrontPoint
from studies.storage.stored_trial import StoredTrial

LABELS = {
    "accuracy": ("lines read without an error", 0.01, "%"),
    "cer": ("character error rate", 0.01, "%"),
    "size": ("size of the file", 1e3, "KB"),
    "latency": ("time of a line, one thread", 1.0, "ms"),
    "flops": ("multiply-adds of a line", 1e6, "M"),
    "parameters": ("weights", 1e3, "K"),
}
"""Objective to what it is, the number that it is divided by, and the unit that it is then in."""


LEGEND_BELOW = {"orientation": "h", "yref": "container", "y": 0, "yanchor": "bottom"}
"""A legend at the lower end of a chart, below the title of its axis however high the chart is, and after it was printed."""
MOST_POWERS = 4
"""Powers of ten on an axis up to which those times 2 and 5 have ticks, too: with more they would run into each other."""


@dataclass(frozen=True)
class Axis:
    """An objective as an axis.

    Attributes:
        objective: what is drawn.
        title: of the axis.
        scale: values are divided by it.
        unit: after that.
    """

    objective: Objective
    title: str
    scale: float
    unit: str

    @classmethod
    def of(cls, objective: Objective) -> Axis:
        """The axis of an objective; one of an installed package has its name and no unit."""
        title, scale, unit = LABELS.get(objective.name, (objective.name, 1.0, ""))
        return cls(objective, title, scale, unit)

    @property
    def is_log(self) -> bool:
        """Whether the axis is logarithmic."""
        return self.objective.scale == "log"

    @property
    def label(self) -> str:
        """The title with the unit."""
        return f"{self.title} ({self.unit})" if self.unit else self.title

    def at(self, value: float) -> float:
        """A value as it is drawn."""
        return value / self.scale

    def ticks(self, values: Sequence[float]) -> dict[str, Any]:
        """Ticks of a logarithmic axis at 1, 2 and 5 times the powers of ten that lie among some drawn values.

        Args:
            values: as they are drawn.

        Returns:
            Settings of plotly's axis; none for a linear one.
        """
        positive = [value for value in values if value > 0]
        if not self.is_log or not positive:
            return {}
        powers = range(math.floor(math.log10(min(positive))), math.ceil(math.log10(max(positive))) + 1)
        steps = [1, 2, 5] if len(powers) <= MOST_POWERS else [1]
        at = [digit * 10.0**power for power in powers for digit in steps]
        return {"tickmode": "array", "tickvals": at, "ticktext": [f"{value:,.10g}" for value in at]}

    def intervals(self, front: Sequence[FrontPoint], colour: str) -> dict[str, Any]:
        """The 95 % confidence intervals of accuracies as plotly's error bars; none of points whose lines are not known."""
        ends = [(p.accuracy, *(p.accuracy_interval or (p.accuracy, p.accuracy))) for p in front]
        return {
            "type": "data",
            "symmetric": False,
            "array": [round(self.at(high - value), 3) for value, _, high in ends],
            "arrayminus": [round(self.at(value - low), 3) for value, low, _ in ends],
            "thickness": 1.2,
            "width": 4,
            "color": colour,
        }

    def of_point(self, point: FrontPoint) -> float:
        """A candidate as it is drawn."""
        return self.at(self.objective.measured(point))

    def of_trial(self, trial: StoredTrial) -> float | None:
        """A trial as it is drawn: measured, or its cost before training and what it read at its last rung; None if unknown."""
        measured = trial.measurement
        if measured is not None:
            value = self.objective.measured(measured)
        elif self.objective.before_training:
            value = math.inf if trial.costs is None else self.objective.at_rung(1.0, trial.costs)
        elif not trial.rungs:
            return None
        else:
            rung = trial.rungs[max(trial.rungs)]
            value = rung.accuracy if self.objective.name == "accuracy" else self.objective.at_rung(rung.cer, None)
        return self.at(value) if math.isfinite(value) else None

    def write(self, point: FrontPoint) -> str:
        """A candidate's value with its unit."""
        return column_of(self.objective).write(self.objective.measured(point))


@dataclass(frozen=True)
class Axes:
    """The objectives of a study as axes.

    Attributes:
        across: the first cost.
        up: the first objective that training improves.
        others: the rest, which only texts mention.
    """

    across: Axis
    up: Axis
    others: tuple[Axis, ...]

    @classmethod
    def of(cls, objectives: Sequence[Objective]) -> Axes:
        """Chooses the axes; every study has a cost and an objective that training improves."""
        across = next(o for o in objectives if o.before_training)
        up = next(o for o in objectives if not o.before_training)
        return cls(Axis.of(across), Axis.of(up), tuple(Axis.of(o) for o in objectives if o not in (across, up)))

    @property
    def all(self) -> tuple[Axis, ...]:
        """All axes."""
        return (self.across, self.up, *self.others)
