"""A small picture of text that a registered model carries as its input example."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

HEIGHT_PX = 32
LETTERS = 6


def example_png_base64(charset: Sequence[str]) -> str:
    """A line of some of a charset's printable ASCII symbols, as the base64 text of a PNG.

    Args:
        charset: what the model reads; without such symbols the line is "line 1".
    """
    known = [symbol for symbol in charset if symbol.isascii() and symbol.isalnum()]
    text = "".join(known[:: max(1, len(known) // LETTERS)][:LETTERS]) or "line 1"
    font = ImageFont.load_default(size=24)
    width = round(font.getlength(text)) + 16
    image = Image.new("L", (width, HEIGHT_PX), 255)
    ImageDraw.Draw(image).text((8, HEIGHT_PX // 2), text, fill=0, font=font, anchor="lm")
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()
