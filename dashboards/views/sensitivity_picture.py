"""Draws a sensitivity table: for each layer, the change of accuracy against the fraction of its channels that is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from trainers.base.errors import UserError

COLOURS = 10
"""Number of colours of matplotlib's default cycle; after these, the line style changes."""


def draw(table: Mapping[str, Sequence[tuple[float, float]]], file: Path) -> None:
    """Draws a PNG.

    Args:
        table: layer to pairs (fraction of channels removed, relative loss of accuracy).
        file: where to write.

    Raises:
        UserError: the file cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, max(5.0, 0.2 * len(table))), layout="constrained")
    axes = figure.subplots()
    for number, (layer, points) in enumerate(table.items()):
        ratios, losses = [ratio for ratio, _ in points], [-loss for _, loss in points]
        style = ("-", "--", ":", "-.")[number // COLOURS % 4]
        axes.plot(ratios, losses, style, color=f"C{number % COLOURS}", label=layer.removeprefix("backbone."))
    axes.set(title="Sensitivity analysis", xlabel="share of the layer's channels cut", ylabel="change of accuracy (share)")
    axes.grid(alpha=0.3)
    figure.legend(loc="outside right upper", fontsize=7, ncols=1 + len(table) // 40)
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from None
