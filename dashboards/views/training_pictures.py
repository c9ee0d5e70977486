"""Draws the curves of a training, and a sheet of the lines that its model reads worst."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

    from trainers.base.progress import EpochReport
    from trainers.evaluation.mistakes import Mistake

SHEET_WIDTH_PX = 1000
"""Width of the sheet of mistakes."""
ROW_GAP_PX = 10
"""Gap between two lines on the sheet."""
TEXT_PX = 18
"""Height of the letters on the sheet."""


def draw_curves(history: Sequence[EpochReport], path: Path, title: str) -> None:
    """Draws loss, accuracy and CER over the epochs into a PNG."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, PercentFormatter

    epochs = [r.epoch for r in history]
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    axes = figure.subplots(1, 3)
    panels = (
        ("training loss of a line", "loss", "tab:orange", "{:.3g}", FuncFormatter(lambda value, _: f"{value:g}")),
        ("lines read without a fault", "accuracy", "tab:green", "{:.1%}", PercentFormatter(1)),
        ("CER", "cer", "tab:blue", "{:.2%}", PercentFormatter(1)),
    )
    for axis, (label, name, colour, form, ticks) in zip(axes, panels, strict=True):
        values = [getattr(r, name) for r in history]
        axis.plot(epochs, values, color=colour, marker="." if len(epochs) < 40 else None)
        axis.set(xlabel="epoch", title=f"{label}: {form.format(values[-1])} at the end", xlim=(0.5, epochs[-1] + 0.5))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
        if name != "accuracy" and min(values) > 0 and max(values) > 20 * min(values):
            axis.set_yscale("log")
            axis.yaxis.set_minor_formatter(NullFormatter())
        else:
            axis.set_ylim(0, 1.02 if name == "accuracy" else 1.05 * max(max(values), 1e-6))
        axis.yaxis.set_major_formatter(ticks)
    figure.suptitle(title)
    figure.savefig(path, dpi=110)


def draw_mistakes(mistakes: Sequence[Mistake], path: Path, title: str) -> None:
    """Draws each misread line, with the truth and the reading below it, into a PNG; differing characters are red."""
    from PIL import Image, ImageDraw

    font = _font(mistakes)
    rows = [max(24, round(m.image.shape[0] * _scale(m))) + 2 * (TEXT_PX + 4) + ROW_GAP_PX for m in mistakes]
    sheet = Image.new("RGB", (SHEET_WIDTH_PX, 40 + sum(rows)), "white")
    pen, y = ImageDraw.Draw(sheet), 40
    pen.text((10, 10), title, fill="black", font=font)
    for mistake, height in zip(mistakes, rows, strict=True):
        line = Image.fromarray(np.ascontiguousarray(mistake.image))
        line = line.resize((max(1, round(line.width * _scale(mistake))), max(1, round(line.height * _scale(mistake)))))
        sheet.paste(line, (10, y))
        below = y + line.height + 2
        _write(pen, font, (10, below), "truth", mistake.truth, mistake.reading)
        label = f"read ({mistake.confidence:.2f})"
        _write(pen, font, (10, below + TEXT_PX + 4), label, mistake.reading, mistake.truth)
        _write_name(pen, font, below, mistake)
        y += height
    sheet.save(path)


def _scale(mistake: Mistake) -> float:
    height, width = mistake.image.shape[:2]
    return float(min(48 / height, (SHEET_WIDTH_PX - 20) / width))


def _write(
    pen: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    at: tuple[int, int],
    label: str,
    text: str,
    other: str,
) -> None:
    """Writes a label and a text; characters that differ from the other text are red."""
    from rapidfuzz.distance import Levenshtein

    wrong = {i for op in Levenshtein.opcodes(text, other) if op.tag != "equal" for i in range(op.src_start, op.src_end)}
    x, y = at
    pen.text((x, y), label, fill="grey", font=font)
    left = float(x + 110)
    for i, symbol in enumerate(text or "(nothing)"):
        pen.text((left, y), symbol, fill="red" if i in wrong or not text else "black", font=font)
        left += pen.textlength(symbol, font=font)


def _write_name(
    pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, top: float, mistake: Mistake
) -> None:
    """Writes the number of wrong characters and the name of the line at the right, if there is room."""
    taken = 120 + max(pen.textlength(text, font=font) for text in (mistake.truth, mistake.reading or "(nothing)"))
    remarks = (f"{mistake.edits} wrong", mistake.name)
    if taken + 20 + max(pen.textlength(remark, font=font) for remark in remarks) > SHEET_WIDTH_PX - 10:
        return
    for row, remark in enumerate(remarks):
        left = SHEET_WIDTH_PX - 10 - pen.textlength(remark, font=font)
        pen.text((left, top + row * (TEXT_PX + 4)), remark, fill="grey", font=font)


def _font(mistakes: Sequence[Mistake]) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    """The font of this machine that has most characters of the texts; matplotlib's own font if that has all of them."""
    from matplotlib import font_manager
    from PIL import ImageFont

    needed = {ord(symbol) for m in mistakes for symbol in m.truth + m.reading}
    own = str(font_manager.findfont("DejaVu Sans"))
    candidates = [own, *sorted(str(font.fname) for font in font_manager.fontManager.ttflist if font.fname != own)]
    best, missing = own, len(needed) + 1
    for name in candidates:
        try:
            lacking = len(needed - set(font_manager.get_font(name).get_charmap()))
        except (OSError, RuntimeError):
            continue
        if lacking < missing:
            best, missing = name, lacking
        if not missing:
            break
    return ImageFont.truetype(best, TEXT_PX)
