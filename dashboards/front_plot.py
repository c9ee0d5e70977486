"""The front as a picture: every candidate a dot, the front a line of steps."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from trainers.faults import UserError

if TYPE_CHECKING:
    from studies.front import FrontPoint

FORMATS = (".png", ".svg", ".pdf")


def draw(points: list[FrontPoint], front: list[FrontPoint], name: str, file: Path) -> None:
    """Draws accuracy against size.

    Args:
        points: all fully trained candidates.
        front: those of them on the front, smallest first.
        name: the study.
        file: PNG, SVG or PDF, by its suffix.

    Raises:
        UserError: nothing to draw, another suffix, or a file that cannot be written.
    """
    if file.suffix.lower() not in FORMATS:
        raise UserError(f"cannot draw into {file}; use a file that ends in {', '.join(FORMATS)}")
    if not points:
        raise UserError(f"study '{name}' has no fully trained candidate yet, so there is nothing to draw")
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    unit, scale = ("MB", 1e6) if max(p.size_bytes for p in points) >= 1e6 else ("KB", 1e3)
    beaten = [p for p in points if p not in front]
    axes.scatter([p.size_bytes / scale for p in beaten], [p.accuracy * 100 for p in beaten], s=24, color="0.65", label="beaten")
    sizes, accuracies = [p.size_bytes / scale for p in front], [p.accuracy * 100 for p in front]
    axes.step([*sizes, max(p.size_bytes for p in points) / scale], [*accuracies, accuracies[-1]], where="post", color="C0")
    axes.scatter(sizes, accuracies, s=42, color="C0", zorder=3, label="front")
    for point, size, accuracy in zip(front, sizes, accuracies, strict=True):
        axes.annotate(str(point.trial), (size, accuracy), textcoords="offset points", xytext=(4, 5), fontsize=8)
    axes.set(xlabel=f"size of the exported file ({unit})", ylabel="lines read without a fault (%)", title=f"study '{name}'")
    axes.grid(alpha=0.3)
    axes.legend(loc="best")
    try:
        figure.savefig(file, dpi=150)
    except OSError as error:
        raise UserError(f"cannot write {file}: {error.strerror or error}") from None
