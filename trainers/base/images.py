"""Decodes images of strangers: few formats, and nothing larger than a line of text can be.

Decisions:
- Pillow knows some 40 formats. It gives PostScript to Ghostscript, a whole interpreter, and decoders that hardly anybody uses
  have had most of its vulnerabilities. Only formats in which lines of text are kept are decoded, whatever a file's name says.
- The number of pixels is known before they are decoded. A file of some hundred bytes can hold billions.
"""

from __future__ import annotations

import io

from PIL import Image

from trainers.base.errors import UserError
from trainers.base.orientation import no_pillow_warnings

IMAGE_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "JPEG2000", "PPM")
"""Formats that are decoded, as Pillow calls them."""
MOST_PIXELS = 20_000_000
"""Pixels of an image that is decoded. A line 150 times as wide as high, 300 px high, has 13.5 million."""
POSTSCRIPT = (b"%!PS", b"\xc5\xd0\xd3\xc6")
"""How PostScript files begin; the second is EPS with a preview in front."""


def decode_image(data: bytes, most_pixels: int = MOST_PIXELS) -> Image.Image:
    """Decodes a whole image from the bytes of a file.

    Args:
        data: the content of the file.
        most_pixels: an image with more is not decoded.

    Raises:
        UserError: what is wrong with it, in a few words.
    """
    if not data:
        raise UserError("empty file (0 bytes)")
    if data.startswith(POSTSCRIPT):
        raise UserError("PostScript (EPS) is not decoded; convert the image to PNG")
    try:
        with no_pillow_warnings():  # such as that of a decompression bomb: the bound below is lower
            image: Image.Image = Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
    except Image.DecompressionBombError:
        raise UserError("image is too large to be a line of text") from None
    except Exception as error:  # Pillow's decoders raise almost anything on damaged files
        raise UserError("not a readable image") from error
    if image.width * image.height > most_pixels:
        raise UserError("image is too large to be a line of text")
    try:
        with no_pillow_warnings():
            image.load()
    except Exception as error:
        raise UserError("not a readable image") from error
    return image
