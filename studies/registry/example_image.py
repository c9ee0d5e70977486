"""A small image of a text line: the input example of a registered model."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

HEIGHT_PX = 32
"""Height of the example image in pixels."""
LETTERS = 6
"""Roughly how many symbols of the charset the example shows; they are taken at equal distances."""


def example_png_base64(charset: Sequence[str]) -> str:
    """Draws up to six ASCII letters and digits of a charset, and returns the image as a base64-encoded PNG.

    Args:
        charset: the symbols that the model reads. If it has no ASCII letters or digits, the image shows "line 1".
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
