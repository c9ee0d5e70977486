"""Turns images upright as their EXIF says; EXIF that cannot be read says nothing, since the pixels are not damaged with it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from PIL import Image

ORIENTATION_TAG = 0x0112
"""The EXIF tag with the orientation of the camera."""
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""What makes an image of each orientation upright; 1 is upright."""
TOLD_IN = ("exif", "Raw profile type exif", "XML:com.adobe.xmp", "xmp")
"""Entries of `Image.info` in which Pillow looks for an orientation."""
TAGGED = ("TIFF", "MPO")
"""Formats whose tags Pillow reads as EXIF, whether or not `Image.info` has some."""


def upright(image: Image.Image) -> Image.Image:
    """The image as it is to be seen: the same one where no orientation is noted or can be read.

    Args:
        image: of any mode.

    Raises:
        OSError: the pixels cannot be read.
    """
    image.load()  # before the EXIF, whose faults are ignored
    has_exif = image.format in TAGGED or any(key in image.info for key in TOLD_IN)
    try:
        # not for every image: each such context makes warnings that Python shows once appear again
        with no_pillow_warnings() if has_exif else nullcontext():
            turn = TURNS.get(image.getexif().get(ORIENTATION_TAG, 1))
    except Exception:  # Pillow raises SyntaxError, struct.error and others on damaged EXIF
        return image
    if turn is None:
        return image
    turned = image.transpose(turn)
    for key in TOLD_IN:  # it would be turned again; Pillow's `exif_transpose` rewrites the EXIF, and fails if a tag is damaged
        turned.info.pop(key, None)
    return turned


@contextmanager
def no_pillow_warnings() -> Iterator[None]:
    """Ignores warnings of Pillow, such as those of damaged EXIF, which name no file and would stand among other output."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=r"PIL\.")
        yield
