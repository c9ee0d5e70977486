"""The learning curves of a study: character error rate by epoch, those of the front in colour, the others in grey."""

from __future__ import annotations

from typing import Any

import plotly.graph_objects as go

from dashboards.views.report.axes import LEGEND_BELOW
from dashboards.views.report.contents import Contents, Epochs
from dashboards.views.report.kinds import BLUE, GREEN, GREY, ORANGE, PURPLE, RED
from studies.storage.stored_trial import last_trainings

MOST_COLOURED, MOST_GREY = 10, 150
"""Curves of the front in colour, and other curves in grey: with more, none could be followed."""
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, RED)
DASHES = ("solid", "dash", "dot", "dashdot")
"""Together with the colours: two curves of one colour differ in their dashes."""


def learning_chart(contents: Contents) -> Any | None:
    """Draws the curves; None if no epoch is on record."""
    front: dict[str, list[int]] = {}  # digest of a training to the trials of its files on the front
    for point in contents.front:
        digest = contents.training_of(point.trial).digest
        if digest is not None and digest in contents.epochs:
            front.setdefault(digest, []).append(point.trial)
    others = [digest for digest in contents.epochs if digest not in front]
    trained = last_trainings(contents.trials)  # a duplicate and a checkpoint have the digest of a training, and trained nothing
    if not front and not others:
        return None
    figure = go.Figure()
    step = max(1, len(others) // MOST_GREY)
    for at, digest in enumerate(others[::step][:MOST_GREY]):
        name = f"trial {trained[digest].number}" if digest in trained else "a training of no trial"
        _add(figure, contents.epochs[digest], GREY, "solid", name, "others", at == 0)
    for at, (digest, trials) in enumerate(list(front.items())[:MOST_COLOURED]):
        name = f"trial {', '.join(map(str, trials))}"
        dash = DASHES[at // len(COLOURS) % len(DASHES)]
        _add(figure, contents.epochs[digest], COLOURS[at % len(COLOURS)], dash, name, name, True)
    figure.update_xaxes(title="epoch", rangemode="tozero")
    figure.update_yaxes(title="character error rate (%)", rangemode="tozero")
    figure.update_layout(hovermode="closest", legend=LEGEND_BELOW)
    return figure


def _add(figure: Any, epochs: Epochs, colour: str, dash: str, name: str, group: str, in_legend: bool) -> None:
    by_epoch = {int(e["epoch"]): 100 * float(e["cer"]) for e in epochs}  # an epoch that was trained twice counts once
    grey = colour == GREY
    figure.add_trace(
        go.Scatter(
            x=sorted(by_epoch),
            y=[by_epoch[epoch] for epoch in sorted(by_epoch)],
            mode="lines" if len(by_epoch) > 1 else "markers",
            name=group,
            legendgroup=group,
            showlegend=in_legend,
            line={"color": colour, "width": 1 if grey else 2.2, "dash": dash},
            marker={"color": colour, "size": 5},
            opacity=0.45 if grey else 1.0,
            hovertemplate=f"{name}, epoch %{{x}}: %{{y:.1f}} %<extra></extra>",
        )
    )
