"""How much each dimension of the space matters for each objective, as bars."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import plotly.graph_objects as go

from dashboards.views.report.kinds import BLUE, GREEN, ORANGE

COLOURS = (BLUE, ORANGE, GREEN)
PATTERNS = ("", "/", ".")
"""Of the bars of each objective; a study has three at most."""


def importance_chart(found: Mapping[str, Mapping[str, float]]) -> Any | None:
    """Draws importances; None if there are none.

    Args:
        found: from `studies.storage.importances`.
    """
    names = list(dict.fromkeys(name for values in found.values() for name in values))
    if not names:
        return None
    names.sort(key=lambda name: sum(values.get(name, 0.0) for values in found.values()))
    figure = go.Figure()
    for at, (objective, values) in enumerate(found.items()):
        figure.add_trace(
            go.Bar(
                y=names,
                x=[100 * values.get(name, 0.0) for name in names],
                orientation="h",
                name=objective,
                marker={"color": COLOURS[at % len(COLOURS)], "pattern": {"shape": PATTERNS[at % len(PATTERNS)]}},
                hovertemplate=f"%{{y}} for {objective}: %{{x:.1f}} %<extra></extra>",
            )
        )
    figure.update_xaxes(title="share of the variance (%)")
    figure.update_yaxes(automargin=True)
    height = 110 + 22 * len(names) * max(1, len(found))
    figure.update_layout(barmode="group", legend={"orientation": "h", "y": 1.02, "yanchor": "bottom"}, height=height)
    return figure
