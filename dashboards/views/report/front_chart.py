"""The front of a study as a chart: every trial that has a cost, what it reads, and why it is not on the front.

Trials that were never measured and have not reached a rung are drawn in a row below the others: only their cost is known.
"""

from __future__ import annotations

import html
import math
from collections.abc import Mapping, Sequence
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from dashboards.views.console import accuracy_words
from dashboards.views.report.axes import LEGEND_BELOW, Axes, Axis
from dashboards.views.report.contents import Contents
from dashboards.views.report.kinds import DOMINATED, FRONT, OVER_LIMIT, TESTED, UNREAD, Kind, kind_of_unmeasured
from dashboards.views.report.readings import Sample
from dashboards.views.trial_list import words_of
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import Running
from studies.storage.stored_trial import StoredTrial

LEFT_PX = 92
"""Left margin with room for the names of the rows below. Where plotly finds a margin itself, it draws all points twice."""
LONGEST_TEXT = 60
"""Characters of a reason or a reading that are shown beside a point."""


def front_chart(contents: Contents, axes: Axes, samples: Mapping[int, Sequence[Sample]]) -> Any:
    """Draws the trials.

    Args:
        contents: of the study.
        axes: its objectives.
        samples: trial on the front to what its file reads in a few lines.
    """
    unmeasured = _unmeasured(contents.trials, axes)
    below = [each for each in unmeasured if each[3] is None]
    figure = make_subplots(
        rows=2 if below else 1, cols=1, shared_xaxes=True, vertical_spacing=0.03, row_heights=_heights(below)
    )
    on_front = {point.trial for point in contents.front}
    rest = [point for point in contents.points if point.trial not in on_front]
    for kind, points in ((UNREAD, [p for p in rest if not p.reads]), (DOMINATED, [p for p in rest if p.reads])):
        if points:
            _add_points(figure, kind, points, axes)
    for kind in dict.fromkeys(kind for _, kind, _, _ in unmeasured):
        _add_trials(figure, kind, [each for each in unmeasured if each[1] is kind], axes)
    _add_front(figure, contents, axes, samples)
    _lay_out(figure, contents, axes, bool(below))
    return figure


Unmeasured = tuple[StoredTrial, Kind, float, float | None]
"""A trial that is no candidate, its kind, its place across, and its place up if it has one."""


def _unmeasured(trials: Sequence[StoredTrial], axes: Axes) -> list[Unmeasured]:
    found: list[Unmeasured] = []
    for trial in trials:
        kind, across = kind_of_unmeasured(trial), axes.across.of_trial(trial)
        if kind is None or across is None:
            continue
        up = axes.up.of_trial(trial)
        if up is not None or not isinstance(trial.outcome, Running):
            found.append((trial, kind, across, up))
    return found


def _heights(below: Sequence[Unmeasured]) -> list[float]:
    """Shares of the chart's height: the row below takes more where it has more kinds."""
    share = 0.06 + 0.05 * len({kind.label for _, kind, _, _ in below})
    return [1 - share, share] if below else [1.0]


def _add_points(figure: Any, kind: Kind, points: Sequence[FrontPoint], axes: Axes) -> None:
    figure.add_trace(
        go.Scatter(
            x=[axes.across.of_point(p) for p in points],
            y=[axes.up.of_point(p) for p in points],
            mode="markers",
            name=kind.label,
            marker=kind.marker,
            customdata=[p.trial for p in points],
            hovertext=[_hover(p, axes) for p in points],
            hoverinfo="text",
        ),
        row=1,
        col=1,
    )


def _add_trials(figure: Any, kind: Kind, trials: Sequence[Unmeasured], axes: Axes) -> None:
    """Adds trials of one kind: those with a place up above, the others in the row below."""
    shown = False
    for row, chosen in ((1, [t for t in trials if t[3] is not None]), (2, [t for t in trials if t[3] is None])):
        if chosen:
            figure.add_trace(
                go.Scatter(
                    x=[across for _, _, across, _ in chosen],
                    y=[kind.label if up is None else up for _, _, _, up in chosen],
                    mode="markers",
                    name=kind.label,
                    legendgroup=kind.label,
                    showlegend=not shown,
                    marker=kind.marker,
                    customdata=[trial.number for trial, _, _, _ in chosen],
                    hovertext=[_hover_of_trial(trial, kind, axes) for trial, _, _, _ in chosen],
                    hoverinfo="text",
                ),
                row=row,
                col=1,
            )
            shown = True


def _add_front(figure: Any, contents: Contents, axes: Axes, samples: Mapping[int, Sequence[Sample]]) -> None:
    """Adds the front last, above everything else: with a step line between two objectives, and intervals of accuracies."""
    front = sorted(contents.front, key=axes.across.of_point)
    if not front:
        return
    across, up = [axes.across.of_point(p) for p in front], [axes.up.of_point(p) for p in front]
    with_intervals = axes.up.objective.name == "accuracy"
    figure.add_trace(
        go.Scatter(
            x=across,
            y=up,
            mode="lines+markers" if not axes.others else "markers",
            line={"shape": "hv", "color": FRONT.colour, "width": 1.5},
            name=FRONT.label,
            marker=FRONT.marker,
            customdata=[p.trial for p in front],
            hovertext=[_hover(p, axes, samples.get(p.trial, ())) for p in front],
            hoverinfo="text",
            error_y=axes.up.intervals(front, FRONT.colour) if with_intervals else None,
        ),
        row=1,
        col=1,
    )
    tested = [p for p in front if p.test_accuracy is not None]
    if with_intervals and tested:
        figure.add_trace(
            go.Scatter(
                x=[axes.across.of_point(p) for p in tested],
                y=[axes.up.at(p.test_accuracy or 0.0) for p in tested],
                mode="markers",
                name=TESTED.label,
                marker=TESTED.marker,
                customdata=[p.trial for p in tested],
                hovertext=[_hover_of_test(p) for p in tested],
                hoverinfo="text",
            ),
            row=1,
            col=1,
        )


def _lay_out(figure: Any, contents: Contents, axes: Axes, with_row: bool) -> None:
    values = [float(x) for trace in figure.data for x in trace.x]
    figure.update_xaxes(type="log" if axes.across.is_log else "linear", showgrid=True, **axes.across.ticks(values))
    figure.update_xaxes(title=axes.across.label, row=2 if with_row else 1, col=1)
    figure.update_yaxes(title=axes.up.label, row=1, col=1)
    if axes.up.unit == "%":
        figure.update_yaxes(rangemode="tozero", row=1, col=1)
    limit = contents.study.limits.by_cost.get(axes.across.objective.metric)
    if limit is not None:
        _add_limit(figure, axes.across, limit)
    left = LEFT_PX if with_row else None
    figure.update_layout(hovermode="closest", legend=LEGEND_BELOW, margin={"l": left})


def _add_limit(figure: Any, across: Axis, limit: float) -> None:
    """Adds a line where the limit is. On a logarithmic axis plotly wants values for shapes, and exponents for texts."""
    at = across.at(limit)
    line = {"dash": "dot", "width": 1.5, "color": OVER_LIMIT.colour}
    figure.add_shape(type="line", xref="x", yref="paper", x0=at, x1=at, y0=0, y1=1, line=line)
    text = {"text": "limit", "showarrow": False, "font": {"color": OVER_LIMIT.colour}, "yanchor": "bottom"}
    figure.add_annotation(xref="x", yref="paper", x=math.log10(at) if across.is_log else at, y=1, **text)


def _hover(point: FrontPoint, axes: Axes, samples: Sequence[Sample] = ()) -> str:
    """What is said beside a candidate, in the little HTML that plotly knows."""
    far = f", {point.stage}" if point.stage else ""
    lines = [
        f"<b>trial {point.trial}</b>{far}",
        html.escape(point.configuration.describe()),
        f"accuracy {accuracy_words(point.accuracy, point.validation_lines)}, CER {point.cer * 100:.1f} %",
        ", ".join(f"{axis.title} {axis.write(point)}" for axis in axes.all if axis.objective.name not in ("accuracy", "cer")),
    ]
    for sample in samples:
        mark = "&#10003;" if sample.truth == sample.reading else "&#10007;"
        lines.append(f"{mark} {_short(sample.truth)} &#8594; {_short(sample.reading) or '(nothing)'}")
    return "<br>".join(lines)


def _hover_of_test(point: FrontPoint) -> str:
    return f"<b>trial {point.trial}</b><br>test lines: {accuracy_words(point.test_accuracy or 0.0, point.test_lines)}"


def _hover_of_trial(trial: StoredTrial, kind: Kind, axes: Axes) -> str:
    rung = max(trial.rungs, default=0)
    lines = [f"<b>trial {trial.number}</b>, {kind.label}", html.escape(words_of(trial)), _short(trial.reason)]
    if rung:
        lines.append(f"after epoch {rung}: CER {trial.rungs[rung].cer * 100:.1f} %")
    return "<br>".join(line for line in lines if line)


def _short(text: str) -> str:
    """A text that fits beside a point, escaped."""
    return html.escape(text if len(text) <= LONGEST_TEXT else f"{text[: LONGEST_TEXT - 1]}…")
