"""Draws a sensitivity table as a heat map: a row for each layer, a column for each fraction of its channels that is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dashboards.views.picture_file import write_picture

ROW_INCHES = 0.24
"""Height of a row, in which a number can be read."""


def draw(
    table: Mapping[str, Sequence[tuple[float, float]]], file: Path, heading: str = "", read_lines: int | None = None
) -> None:
    """Draws a PNG.

    Args:
        table: layer to pairs (fraction of channels removed, relative loss of accuracy).
        file: where to write.
        heading: what was measured.
        read_lines: number of lines that were read after each cut, which says how fine the steps are.

    Raises:
        UserError: the file cannot be written.
    """
    import numpy as np
    from matplotlib.figure import Figure

    ratios = sorted({ratio for points in table.values() for ratio, _ in points})
    losses = np.array([[dict(points).get(ratio, np.nan) for ratio in ratios] for points in table.values()])
    losses = losses.reshape(len(table), len(ratios))
    figure = Figure(figsize=(9, max(3.0, 1.6 + ROW_INCHES * len(table))), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(100 * losses, cmap="YlOrRd", vmin=0, vmax=100, aspect="auto")
    axes.set_xticks(range(len(ratios)), [f"{ratio:.0%}" for ratio in ratios])
    axes.set_yticks(range(len(table)), [layer.removeprefix("backbone.") for layer in table], fontsize=7)
    for (row, column), loss in np.ndenumerate(losses):
        if np.isfinite(loss):
            colour = "white" if loss > 0.6 else "black"
            axes.text(column, row, f"{round(100 * loss)}", ha="center", va="center", fontsize=7, color=colour)
    lines = "" if read_lines is None else f"; {read_lines:,} lines read, so steps of about {100 / read_lines:.2g} %"
    axes.set_title(
        "\n".join(filter(None, (heading, "accuracy lost when a layer alone is pruned (%)"))), fontsize=10, loc="left"
    )
    axes.set_xlabel(f"channels of the layer that are removed{lines}", fontsize=9)
    figure.colorbar(image, ax=axes, label="% of the accuracy before", fraction=0.05)
    write_picture(file, lambda content, form: figure.savefig(content, dpi=150, format=form))
