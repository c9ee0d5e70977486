"""Draws an architecture as an SVG: the parts that an image passes through, each with its bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from markupsafe import Markup, escape

from search_space import write_size
from search_space.architecture import Architecture

WIDTH_PX, ROW_PX, GAP_PX = 340, 46, 16
"""Width of the drawing, height of a part, and what is between two of them."""


@dataclass(frozen=True)
class Part:
    """A part of the drawing.

    Attributes:
        title: what it is.
        detail: its settings.
        size_bytes: of its weights; None for the image and the text.
    """

    title: str
    detail: str
    size_bytes: int | None = None


def parts_of(a: Architecture, symbols: int, sizes: Mapping[str, int]) -> list[Part]:
    """The parts of an architecture in the order of computation.

    Args:
        a: the architecture.
        symbols: characters that it writes.
        sizes: bytes of each part (`trainers.export.part_bytes`).
    """
    pruned = f", {a.prune_percent} % of its FLOPs pruned ({a.prune_criterion})" if a.prune_percent else ""
    attention = "" if a.attention == "none" else f", {a.attention}"
    activation = "" if a.activation == "standard" else f", {a.activation}"
    parts = [Part("image", f"3 × {a.height_px} × width")]
    if a.rectifier != "none":
        parts.append(Part("rectifier", a.rectifier, sizes.get("rectifier", 0)))
    backbone = f"{a.backbone} {a.width_percent} %{attention}{activation}{pruned}"
    parts.append(Part("backbone", backbone, sizes.get("backbone", 0)))
    if a.neck != "none":
        parts.append(Part("neck", a.neck, sizes.get("neck", 0)))
    parts.append(Part("pooling", f"{a.pooling}, a step every {a.time_stride} columns", sizes.get("pooling", 0)))
    if a.encoder != "none":
        both = ", both directions" if a.encoder in ("gru", "lstm") else ""
        parts.append(Part("encoder", f"{a.encoder} {a.encoder_layers} × {a.encoder_hidden}{both}", sizes.get("encoder", 0)))
    rank = f", rank {a.head_rank}" if a.head_rank else ""
    parts.append(Part("head", f"{a.head}{rank}, {symbols:,} characters", sizes.get("head", 0)))
    return [*parts, Part("text", f"weights stored as {a.precision}")]


def draw(parts: list[Part], size_bytes: int) -> Markup:
    """Draws parts below one another; the filled share of each is its share of the file.

    Args:
        parts: from `parts_of`.
        size_bytes: of the file.
    """
    height = len(parts) * (ROW_PX + GAP_PX) - GAP_PX + 2
    words = ", ".join(f"{part.title}: {part.detail}" for part in parts)
    drawn = [
        Markup('<svg class="drawing" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(WIDTH_PX + 2, height, words),
    ]
    for number, part in enumerate(parts):
        drawn.append(_block(part, 1 + number * (ROW_PX + GAP_PX), size_bytes, last=number == len(parts) - 1))
    return Markup("").join([*drawn, Markup("</svg>")])


def _block(part: Part, top: int, size_bytes: int, last: bool) -> Markup:
    share = 0.0 if part.size_bytes is None else part.size_bytes / size_bytes
    kind = "end" if part.size_bytes is None else "part"
    middle = WIDTH_PX // 2
    block = Markup('<rect class="{}" x="1" y="{}" width="{}" height="{}" rx="6"/>').format(kind, top, WIDTH_PX, ROW_PX)
    if share > 0:
        filled = Markup('<rect class="share" x="1" y="{}" width="{:.1f}" height="{}" rx="6"/>')
        block += filled.format(top, max(3.0, share * WIDTH_PX), ROW_PX)
    block += Markup('<text class="name" x="12" y="{}">{}</text>').format(top + 19, part.title)
    block += Markup('<text class="detail" x="12" y="{}">{}</text>').format(top + 36, escape(_fitting(part.detail)))
    if part.size_bytes:
        size = f"{write_size(part.size_bytes)}, {f'{share:.0%}' if share >= 0.01 else '< 1%'}"
        block += Markup('<text class="size" x="{}" y="{}">{}</text>').format(WIDTH_PX - 10, top + 19, size)
    if not last:
        end = top + ROW_PX + GAP_PX
        block += Markup('<path class="arrow" d="M{} {}V{}"/>').format(middle, top + ROW_PX, end - 5)
        block += Markup('<path class="tip" d="M{} {}l4 -6h-8z"/>').format(middle, end - 1)
    return block


def _fitting(text: str, at_most: int = 52) -> str:
    """A text that fits into a block."""
    return text if len(text) <= at_most else f"{text[: at_most - 1]}…"
