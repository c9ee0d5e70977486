"""The front of a study as a Plotly figure, which optuna-dashboard shows on the study's page.

Decisions:
- Size goes across and accuracy up, as in `paretext front --plot`. optuna-dashboard's own plot has its axes in the order of the
  objectives, and neither the front as a line nor the limit.
- Trials are drawn with the shapes and colours of the report (`dashboards.views.report.kinds`).
- The figure is stored in attributes, so it holds the front and at most `MOST_OTHERS` other trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import TYPE_CHECKING, Any

from dashboards.views.report.kinds import DOMINATED, FRONT, OVER_LIMIT, STOPPED, SUSPENDED, UNREAD, Kind
from search_space import write_size

if TYPE_CHECKING:
    from plotly.graph_objects import Figure, Scatter

    from studies.storage.front_point import FrontPoint

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
    figure.update_layout(
        title=f"Front of '{name}': accuracy against size",
        xaxis={"title": "size of the file", "type": "log", "gridcolor": GRID, **_ticks(figure)},
        yaxis={"title": "lines without a mistake, %", "range": [0, 103], "gridcolor": GRID},
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
        x=[size_limit_bytes / 1e3] * 2,
        y=[0, 100],
        mode="lines",
        line={"dash": "dash", "color": OVER_LIMIT.colour, "width": 1.5},
        name=f"limit {write_size(size_limit_bytes)}",
        hoverinfo="name",
    )


def _ticks(figure: Figure) -> dict[str, list[Any]]:
    """Ticks at 1, 2 and 5 times the powers of ten that the figure spans; Plotly's own write the digits between them."""
    sizes = [size for trace in figure.data for size in trace.x]
    if not sizes:
        return {}
    first, last = floor(log10(min(sizes))), ceil(log10(max(sizes)))
    ticks = [digit * 10.0**power for power in range(first, last + 1) for digit in (1, 2, 5)]
    return {"tickvals": ticks, "ticktext": [write_size(round(1000 * tick)) for tick in ticks]}


def _front(front: Sequence[FrontPoint]) -> Scatter:
    """The front as a step line with its confidence intervals."""
    from plotly.graph_objects import Scatter

    ends = [point.accuracy_interval or (point.accuracy, point.accuracy) for point in front]
    return Scatter(
        x=[point.size_bytes / 1e3 for point in front],
        y=[round(100 * point.accuracy, 2) for point in front],
        error_y={
            "type": "data",
            "array": [round(100 * (high - p.accuracy), 2) for p, (_, high) in zip(front, ends, strict=True)],
            "arrayminus": [round(100 * (p.accuracy - low), 2) for p, (low, _) in zip(front, ends, strict=True)],
            "thickness": 1,
        },
        mode="lines+markers",
        line={"shape": "hv", "color": FRONT.colour},
        marker={"size": 9, "color": FRONT.colour},
        name=FRONT.label,
        text=[_hover(point) for point in front],
        hovertemplate="%{text}<extra></extra>",
    )


def _others(kind: Kind, trials: Sequence[OtherTrial]) -> Scatter:
    from plotly.graph_objects import Scatter

    return Scatter(
        x=[other.size_bytes / 1e3 for other in trials],
        y=[round(100 * other.accuracy, 2) for other in trials],
        mode="markers",
        marker={"size": kind.size, "color": kind.colour, "symbol": kind.symbol, "line": {"width": 1.5, "color": kind.colour}},
        name=kind.label,
        text=[f"trial {other.trial}" for other in trials],
        hovertemplate="%{text}: %{y} %, %{x:.3~g} KB<extra>" + kind.label + "</extra>",
    )


def _hover(point: FrontPoint) -> str:
    """What is shown of a point of the front under the pointer."""
    words = [f"trial {point.trial}: {100 * point.accuracy:.1f} %, {write_size(point.size_bytes)}, {point.latency_ms:.2f} ms"]
    words.append(" ".join(str(point.architecture[field]) for field in ("backbone", "precision") if field in point.architecture))
    return "<br>".join(words)
