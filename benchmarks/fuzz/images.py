"""Images: decoded, looked at for training, and fitted to the height of a network."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from trainers.base.errors import UserError
from trainers.base.images import IMAGE_FORMATS, decode_image
from trainers.base.preprocess import fit_height, to_input
from trainers.data.decoding import decode_line
from trainers.data.lines import Line

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "I", "F", "YCbCr", "LAB")


def seeds() -> Iterator[bytes]:
    for form in IMAGE_FORMATS:
        for mode in MODES:
            buffer = io.BytesIO()
            picture = Image.effect_noise((24, 8), 60).convert("L")
            try:
                (picture.convert(mode) if mode not in ("LAB", "I;16") else Image.new(mode, (24, 8))).save(buffer, form)
            except (OSError, ValueError):
                continue  # the format has no such mode
            yield buffer.getvalue()
    exif = Image.Exif()
    exif[0x0112] = 6
    for form in ("JPEG", "PNG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        Image.new("RGB", (24, 8)).save(buffer, form, exif=exif)
        yield buffer.getvalue()


def try_one(data: bytes) -> None:
    outcome = decode_line(Line("x", "a", lambda: decode_image(data)), 32)
    if isinstance(outcome, str) and "\n" in outcome:
        raise AssertionError(f"reason of several lines: {outcome!r}")
    try:
        fitted = fit_height(decode_image(data), 32)
    except (UserError, OSError, ValueError):  # what `Reader` turns into its own line
        return
    assert fitted.shape[0] == 32 and fitted.shape[2] == 3
    for contrast in ("plain", "even"):
        to_input([fitted], fitted.shape[1], contrast)  # type: ignore[arg-type]
