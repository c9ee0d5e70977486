"""Draws the curves of a training, and a sheet of the lines that its model reads worst."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dashboards.views.picture_file import write_picture

if TYPE_CHECKING:
    from PIL import Image, ImageDraw, ImageFont

    from trainers.base.progress import EpochReport
    from trainers.evaluation.mistakes import Mistake

SHEET_WIDTH_PX = 1400
"""Greatest width of the sheet of mistakes: what a screen shows at once."""
MOST_COLUMNS = 4
"""Most columns of the sheet."""
LABEL_PX = 110
"""Pixels to the left of a text, for the words `truth` and `read`."""
TEXT_ROWS = 3
"""Rows of text below an image: the truth, the reading, the number of wrong characters with the name."""
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
        ("lines read without an error", "accuracy", "tab:green", "{:.1%}", PercentFormatter(1)),
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
    write_picture(path, lambda content, form: figure.savefig(content, dpi=110, format=form))


def draw_mistakes(mistakes: Sequence[Mistake], path: Path, title: str) -> None:
    """Draws each misread line, with the truth and the reading below it, into a PNG; differing characters are red.

    Short lines stand in several columns, read from top to bottom.
    """
    from PIL import Image, ImageDraw

    font = _font(mistakes)
    measure = ImageDraw.Draw(Image.new("RGB", (1, 1)))
    needed = max((_width(measure, font, mistake) for mistake in mistakes), default=SHEET_WIDTH_PX)
    columns = max(1, min(MOST_COLUMNS, SHEET_WIDTH_PX // needed, len(mistakes)))
    width = min(needed, SHEET_WIDTH_PX)
    each = -(-len(mistakes) // columns)
    parts = [mistakes[at : at + each] for at in range(0, len(mistakes), each)] if mistakes else []
    heights = [sum(map(_height, part)) for part in parts]
    sheet_width = max(len(parts) * width, round(measure.textlength(title, font=font)) + 20)
    sheet = Image.new("RGB", (sheet_width, 40 + max(heights, default=0)), "white")
    pen = ImageDraw.Draw(sheet)
    pen.text((10, 10), title, fill="black", font=font)
    for column, part in enumerate(parts):
        y = 40
        for mistake in part:
            _draw_mistake(sheet, pen, font, (column * width + 10, y), mistake)
            y += _height(mistake)
    write_picture(path, sheet.save)


def _draw_mistake(
    sheet: Image.Image,
    pen: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont | ImageFont.FreeTypeFont,
    at: tuple[int, int],
    mistake: Mistake,
) -> None:
    """Draws one line with its texts."""
    from PIL import Image

    left, y = at
    line = Image.fromarray(np.ascontiguousarray(mistake.image))
    line = line.resize((max(1, round(line.width * _scale(mistake))), max(1, round(line.height * _scale(mistake)))))
    sheet.paste(line, (left, y))
    below = y + line.height + 2
    _write(pen, font, (left, below), "truth", mistake.truth, mistake.reading)
    _write(pen, font, (left, below + TEXT_PX + 4), f"read ({mistake.confidence:.2f})", mistake.reading, mistake.truth)
    pen.text((left, below + 2 * (TEXT_PX + 4)), _remark(mistake), fill="grey", font=font)


def _height(mistake: Mistake) -> int:
    """Rows that a mistake takes on the sheet."""
    image = round(float(mistake.image.shape[0]) * _scale(mistake))
    return max(24, image) + TEXT_ROWS * (TEXT_PX + 4) + ROW_GAP_PX


def _width(pen: ImageDraw.ImageDraw, font: ImageFont.ImageFont | ImageFont.FreeTypeFont, mistake: Mistake) -> int:
    """Columns that a mistake takes on the sheet, with a gap at both sides."""
    texts = max(float(pen.textlength(text or "(nothing)", font=font)) for text in (mistake.truth, mistake.reading))
    image = float(mistake.image.shape[1]) * _scale(mistake)
    return round(max(LABEL_PX + texts, image, float(pen.textlength(_remark(mistake), font=font)))) + 30


def _remark(mistake: Mistake) -> str:
    return f"{mistake.edits} wrong, {mistake.name}"


def _scale(mistake: Mistake) -> float:
    height, width = mistake.image.shape[:2]
    return float(min(48 / height, (SHEET_WIDTH_PX - 30) / width))


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
    left = float(x + LABEL_PX)
    for i, symbol in enumerate(text or "(nothing)"):
        pen.text((left, y), symbol, fill="red" if i in wrong or not text else "black", font=font)
        left += pen.textlength(symbol, font=font)


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
