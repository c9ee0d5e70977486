"""The front of a study as a Plotly figure, which optuna-dashboard shows on the study's page.

Decisions:
- Size goes across and accuracy up, as in `paretext front --plot`. optuna-dashboard's own plot has its axes in the order of the
  objectives, and neither the front as a line nor the limit.
- Axes, intervals, shapes and colours are those of the report (`dashboards.views.report.axes`, `kinds`). Its chart is another
  one: it has any two objectives, needs all trials at once, and says more of each than attributes of a study can hold.
- The figure is stored in attributes, so it holds the front and at most `MOST_OTHERS` other trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboards.views.console import accuracy_words
from dashboards.views.report.axes import Axis
from dashboards.views.report.kinds import DOMINATED, FRONT, OVER_LIMIT, STOPPED, SUSPENDED, UNREAD, Kind
from search_space import write_size
from studies.objectives.catalog import DEFAULT, objectives_of

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

    from studies.storage.front_point import FrontPoint

ACCURACY, SIZE = (Axis.of(objective) for objective in objectives_of(DEFAULT))
"""The axes, with the units and ticks of the report."""
MOST_OTHERS = 400
"""Most trials besides the front, the newest: each takes about 100 characters of the study's attributes."""
TEXT, GRID, CLEAR = "#7f7f7f", "rgba(128,128,128,0.25)", "rgba(0,0,0,0)"
"""Colours that can be read on the light and on the dark page, which shows through."""


@dataclass(frozen=True)
class OtherTrial:
    """A trial that is not on the front.

    Attributes:
        trial: its number.
        size_bytes: of its file; of one without a file, as estimated.
        accuracy: of its file, or at its last rung, in [0, 1].
        kind: one of `ORDER`.
    """

    trial: int
    size_bytes: int
    accuracy: float
    kind: Kind


ORDER = (DOMINATED, UNREAD, STOPPED, SUSPENDED, OVER_LIMIT)
"""The kinds besides the front, in the order of the legend; later ones are drawn above."""


def front_figure(
    name: str, front: Sequence[FrontPoint], others: Sequence[OtherTrial], size_limit_bytes: int | None = None
) -> Figure:
    """Draws accuracy against bytes.

    Args:
        name: of the study.
        front: smallest first.
        others: oldest first.
        size_limit_bytes: of the study; None if it has none.
    """
    from plotly.graph_objects import Figure

    figure = Figure()
    for kind in ORDER:
        chosen = [other for other in others[-MOST_OTHERS:] if other.kind is kind]
        if chosen:
            figure.add_trace(_others(kind, chosen))
    if front:
        figure.add_trace(_front(front))
    if size_limit_bytes is not None:
        figure.add_trace(_limit(size_limit_bytes))
    sizes = [float(size) for trace in figure.data for size in trace.x]
    figure.update_layout(
        title=f"Front of '{name}': accuracy against size",
        xaxis={"title": SIZE.label, "type": "log", "gridcolor": GRID, **SIZE.ticks(sizes)},
        yaxis={"title": ACCURACY.label, "range": [0, 103], "gridcolor": GRID},
        legend={"orientation": "h", "y": -0.25},
        margin={"l": 60, "r": 20, "t": 50, "b": 40},
        template="none",
        font={"color": TEXT},
        paper_bgcolor=CLEAR,
        plot_bgcolor=CLEAR,
    )
    return figure


def _limit(size_limit_bytes: int) -> Scatter:
    """The size limit as a line; its words are in the legend, where they cover no point."""
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[SIZE.at(size_limit_bytes)] * 2,
        y=[0, 100],
        mode="lines",
        line={"dash": "dash", "color": OVER_LIMIT.colour, "width": 1.5},
        name=f"limit {write_size(size_limit_bytes)}",
        hoverinfo="name",
    )


def _front(front: Sequence[FrontPoint]) -> Scatter:
    """The front as a step line with its confidence intervals."""
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[SIZE.at(point.size_bytes) for point in front],
        y=[round(ACCURACY.at(point.accuracy), 2) for point in front],
        error_y=ACCURACY.intervals(front, FRONT.colour),
        mode="lines+markers",
        line={"shape": "hv", "color": FRONT.colour},
        marker=FRONT.marker,
        name=FRONT.label,
        text=[_hover(point) for point in front],
        hovertemplate="%{text}<extra></extra>",
    )


def _others(kind: Kind, trials: Sequence[OtherTrial]) -> Scatter:
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[SIZE.at(other.size_bytes) for other in trials],
        y=[round(ACCURACY.at(other.accuracy), 2) for other in trials],
        mode="markers",
        marker=kind.marker,
        name=kind.label,
        text=[f"trial {other.trial}" for other in trials],
        hovertemplate="%{text}: %{y} %, %{x:.3~g} KB<extra>" + kind.label + "</extra>",
    )


def _hover(point: FrontPoint) -> str:
    """What is shown of a point of the front under the pointer."""
    read = accuracy_words(point.accuracy, point.validation_lines)
    words = [f"trial {point.trial}: {read}, {write_size(point.size_bytes)}, {point.latency_ms:.2f} ms"]
    words.append(" ".join(str(point.architecture[field]) for field in ("backbone", "precision") if field in point.architecture))
    return "<br>".join(words)
