"""Images of strangers: few formats are decoded, none that is too large, and the bounds hold wherever an image comes in."""

from __future__ import annotations

import ast
import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from trainers.base.errors import UserError
from trainers.base.images import IMAGE_FORMATS, MOST_PIXELS, decode_image
from trainers.base.preprocess import WIDEST, fit_height
from trainers.data.decoding import decode_line
from trainers.data.lines import FromFile, Line

ROOT = Path(__file__).parents[3]


def encoded(form: str, image: Image.Image | None = None) -> bytes:
    buffer = io.BytesIO()
    (image or Image.new("RGB", (40, 16), "white")).save(buffer, form)
    return buffer.getvalue()


def empty_png(width: int, height: int) -> bytes:
    """A PNG of one value, whatever its size: 1 bit a pixel, zero."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = zlib.compress(bytes((width // 8 + 2) * min(height, 2000)), 9)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0))
        + chunk(b"IDAT", rows)
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize("form", IMAGE_FORMATS)
def test_formats_in_which_lines_are_kept_are_decoded(form: str) -> None:
    image = decode_image(encoded(form))
    assert image.size == (40, 16) and np.asarray(image.convert("L")).min() > 250


@pytest.mark.parametrize("form", ["TGA", "PCX", "SGI", "ICO", "DDS", "XBM", "IM", "MSP", "PDF"])
def test_other_formats_are_not_whatever_the_name_says(form: str, tmp_path: Path) -> None:
    data = encoded(form, Image.new("1" if form in ("XBM", "MSP") else "RGB", (40, 16)))
    with pytest.raises(UserError, match="not a readable image"):
        decode_image(data)
    (tmp_path / "line.png").write_bytes(data)
    assert decode_line(Line("line.png", "a", FromFile(str(tmp_path / "line.png"))), 32) == "not a readable image"


@pytest.mark.parametrize("start", [b"", b"\xc5\xd0\xd3\xc6" + bytes(28)])
def test_postscript_is_refused_by_name_and_never_interpreted(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def interpreted(*_: object, **__: object) -> None:
        raise AssertionError("Ghostscript was started")

    monkeypatch.setattr(EpsImagePlugin, "Ghostscript", interpreted)
    with pytest.raises(UserError, match=r"PostScript \(EPS\) is not decoded; convert the image to PNG"):
        decode_image(start + encoded("EPS"))


def test_no_image_is_opened_in_another_way() -> None:
    """`Image.open` knows every format, and has a much higher bound."""
    opening = []
    for package in ("search_space", "trainers", "studies", "dashboards"):
        for file in (ROOT / package).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Image.open", "PIL.Image.open"):
                    opening.append(file.relative_to(ROOT).as_posix())
    assert opening == ["trainers/base/images.py"]


@pytest.mark.parametrize(("width", "height"), [(5000, 4001), (30_000, 30_000), (2_000_000_000, 1)])
def test_an_image_of_too_many_pixels_is_refused_before_it_is_decoded(
    width: int, height: int, monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    assert width * height > MOST_PIXELS
    monkeypatch.setattr("PIL.ImageFile.ImageFile.load", lambda _: pytest.fail("decoded"))
    with pytest.raises(UserError, match=r"image is too large to be a line of text|not a readable image"):
        decode_image(empty_png(width, height))
    assert not recwarn.list


def test_a_large_scan_of_a_line_is_decoded() -> None:
    assert decode_image(encoded("PNG", Image.new("L", (13_000, 1_500), 255))).width == 13_000


def test_an_image_that_is_too_wide_is_refused_before_it_is_enlarged() -> None:
    """100,000 x 1 pixels in some hundred bytes would be 3.2 million columns at a height of 32."""
    thin = empty_png(100_000, 1)
    assert len(thin) < 120
    turned = Image.new("L", (1, 100_000), 255)
    turned.getexif()[0x0112] = 6
    for image in (decode_image(thin), np.zeros((1, 100_000), dtype=np.uint8), turned):
        with pytest.raises(UserError, match=f"image is more than {WIDEST} times as wide as high"):
            fit_height(image, 32)
    assert fit_height(Image.new("L", (WIDEST, 1), 255), 32).shape == (32, 32 * WIDEST, 3)
    assert fit_height(Image.new("L", (1, 100_000), 255), 32).shape == (32, 1, 3)


def test_a_reader_names_the_image_that_is_too_wide(tmp_path: Path) -> None:
    from testing.tiny_model import tiny_model
    from trainers.inference.reader import Reader

    reader = Reader(tiny_model(tmp_path / "model.onnx"))
    with pytest.raises(UserError, match=f"image 2 cannot be read: image is more than {WIDEST} times"):
        reader.read([Image.new("L", (40, 16), 255), decode_image(empty_png(100_000, 1))])


@pytest.mark.parametrize("mode", ["I;16", "I"])
def test_deep_images_are_rounded_as_in_floating_point(mode: str) -> None:
    values = np.arange(65_536, dtype=np.uint16).reshape(256, 256)
    image = Image.fromarray(values) if mode == "I;16" else Image.fromarray(values.astype(np.int32))
    assert image.mode == mode
    assert np.array_equal(fit_height(image, 256)[:, :, 0], np.rint(values / 257.0).astype(np.uint8))
    dark = Image.fromarray((values % 256).astype(np.int32) - 3)
    assert np.array_equal(fit_height(dark, 256)[:, :, 0], np.clip((values % 256).astype(np.int32) - 3, 0, 255))
