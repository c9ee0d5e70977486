"""Images of unusual depth, and what `data check --fix` writes of databases and of odd names."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dashboards.cli.command_line import main
from testing.bad_input import WORDS, encoded, good_list, line_image, lmdb_entries, rows_of, write_images, write_lmdb
from trainers.base.deep_images import to_8_bits
from trainers.base.images import decode_image
from trainers.base.preprocess import fit_height
from trainers.data.decoding import DecodedLine, decode_line
from trainers.data.lines import FromFile, Line
from trainers.data.source_registry import open_source

GREY = np.linspace(0, 255, 256).astype(np.uint8)[None].repeat(16, axis=0)
"""From black to white."""


def saved(form: str, values: Any) -> Callable[[], bytes]:
    def save() -> bytes:
        buffer = io.BytesIO()
        Image.fromarray(values).save(buffer, form)
        return buffer.getvalue()

    return save


def scaled(full: float, kind: Any, least: float = 0.0) -> Any:
    """The grey image with values from `least` to `full`."""
    return (least + GREY / 255.0 * (full - least)).round(0 if np.issubdtype(kind, np.integer) else 6).astype(kind)


DEEP: dict[str, Callable[[], bytes]] = {
    **{
        f"{bits} bits in a {form}": saved(form, scaled(2**bits - 1, np.uint16))
        for bits in (10, 12, 14, 16)
        for form in ("TIFF", "PNG")
    },
    **{f"{bits} bits in 32": saved("TIFF", scaled(2**bits - 1, np.int32)) for bits in (8, 10, 12, 16, 20, 24, 31)},
    "0 to 1": saved("TIFF", scaled(1.0, np.float32)),
    "-1 to 1": saved("TIFF", scaled(1.0, np.float32, -1.0)),
    "0 to 255 in floating point": saved("TIFF", scaled(255.0, np.float32)),
    "0 to 65,535 in floating point": saved("TIFF", scaled(65_535.0, np.float32)),
    "0 to 1023 in floating point": saved("TIFF", scaled(1023.0, np.float32)),
}


@pytest.mark.parametrize("name", DEEP)
def test_a_deep_image_is_seen_as_it_is_meant(name: str) -> None:
    pixels = fit_height(decode_image(DEEP[name]()), 16)[:, :, 0].astype(int)
    assert np.abs(pixels - GREY).max() <= 1


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([[0.0, 1.04, -0.04]], [[0, 255, 0]]),
        ([[-1.02, 0.0, 1.0]], [[0, 128, 255]]),
        ([[float("nan"), 1.0, 0.5]], [[0, 255, 128]]),
        ([[float("inf"), float("-inf"), 0.5]], [[255, 0, 128]]),
        ([[float("nan")]], [[0]]),
        ([[-4.0, 128.0, 259.5]], [[0, 32, 65]]),
        (np.array([[True, False]]), [[255, 0]]),
        (np.array([[0, 1 << 31, (1 << 32) - 1]], dtype=np.uint32).view(np.int32), [[0, 128, 255]]),
        (np.array([[-3, 0, 255]], dtype=np.int32), [[0, 0, 255]]),
        (np.array([[0, 65_535]], dtype=">u2"), [[0, 255]]),
        (np.zeros((2, 0)), np.zeros((2, 0))),
    ],
    ids=str,
)
def test_values_that_are_unusual(values: Any, expected: Any) -> None:
    assert to_8_bits(np.asarray(values)).tolist() == np.asarray(expected).tolist()


def test_the_rule_of_150_heights_is_held_against_the_upright_image(tmp_path: Path) -> None:
    turned = Image.new("L", (32, 6_000), 255)
    exif = Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "long.jpg", exif=exif)
    line = Line("long.jpg", "x", FromFile(str(tmp_path / "long.jpg")))
    assert decode_line(line, 32) == "image is more than 150 times as wide as high"
    Image.new("L", (6_000, 32), 255).save(tmp_path / "high.jpg", exif=exif)
    found = decode_line(Line("high.jpg", "x", FromFile(str(tmp_path / "high.jpg"))), 32)
    assert isinstance(found, DecodedLine) and found.size == (32, 6_000)


def jpeg_on_its_side(number: int) -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    line_image(number).rotate(90, expand=True).save(buffer, "JPEG", exif=exif, quality=95)
    return buffer.getvalue()


def in_mode(mode: str, form: str) -> Callable[[int], bytes]:
    def encode(number: int) -> bytes:
        buffer = io.BytesIO()
        line_image(number).convert(mode).save(buffer, form)
        return buffer.getvalue()

    return encode


STORED: dict[str, Callable[[int], bytes]] = {
    "an EXIF turn": jpeg_on_its_side,
    "CMYK": in_mode("CMYK", "TIFF"),
    "YCbCr": in_mode("YCbCr", "TIFF"),
    "floating point": in_mode("F", "TIFF"),
    "32 bits": in_mode("I", "TIFF"),
    "a palette": in_mode("P", "PNG"),
    "transparency": in_mode("LA", "PNG"),
    "grey": encoded,
}


@pytest.mark.parametrize("name", STORED)
def test_fix_writes_the_images_of_a_database_as_they_are_seen(name: str, tmp_path: Path) -> None:
    images = {f"image-{n + 1:09d}".encode(): STORED[name](n) for n in range(len(WORDS))}
    write_lmdb(tmp_path / "set", lmdb_entries(b"4") | images)
    assert main(["data", "check", str(tmp_path / "set"), "--fix", str(tmp_path / "out"), "--processes", "1"]) == 0
    found = open_source(str(tmp_path / "out")).lines
    assert [line.text for line in found] == list(WORDS)
    for number, line in enumerate(found):
        shown, meant = fit_height(line.load(), 16)[:, :, 0], np.asarray(line_image(number))
        assert shown.shape == meant.shape and np.abs(shown.astype(int) - meant).mean() < 12
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == ["dropped.log", "images", "labels.txt"]


ODD_NAMES = ["a\tb.png", "a\nb.png", "[a].png", " a.png", "a\rb.png", 'a"b.png', "a\\b.png", "é.png"]


@pytest.mark.parametrize("odd", ODD_NAMES, ids=repr)
def test_fix_of_an_odd_name_can_be_read_back(odd: str, tmp_path: Path) -> None:
    pairs = [odd, "1.png", "2.png", "3.png"]
    write_images(tmp_path / "set", pairs)
    for name, word in zip(pairs, WORDS, strict=True):
        (tmp_path / "set" / (name.removesuffix(".png") + ".gt.txt")).write_text(word)
    assert main(["data", "check", str(tmp_path / "set"), "--fix", str(tmp_path / "out"), "--processes", "1"]) == 0
    found = open_source(str(tmp_path / "out"))
    assert sorted(line.text for line in found.lines) == sorted(WORDS) and not found.skipped


@pytest.mark.parametrize("present", ["labels.txt", "dropped.log", "images"])
def test_fix_writes_over_nothing(present: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "set").mkdir()
    good_list(tmp_path / "set")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / present).symlink_to("nowhere")
    assert main(["data", "check", str(tmp_path / "set"), "--fix", str(tmp_path / "out")]) == 2
    assert f"{present} is already there; name another folder" in capsys.readouterr().err
    assert [p.name for p in (tmp_path / "out").iterdir()] == [present]


def test_fix_that_drops_everything_leaves_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_images(tmp_path / "set", ["0.png"])
    (tmp_path / "set" / "train.txt").write_text("0.png\t \n0.png\t\u200b\n", encoding="utf-8")
    assert main(["data", "check", str(tmp_path / "set"), "--fix", str(tmp_path / "out")]) == 2
    assert "would be dropped" in capsys.readouterr().err and not (tmp_path / "out").exists()


@pytest.mark.parametrize("present", ["labels.txt", "001.png"])
def test_digits_are_written_over_nothing(present: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / present).write_text("mine")
    assert main(["data", "digits", str(tmp_path), "--count", "3"]) == 2
    assert f"{present} is already there" in capsys.readouterr().err
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [(present, "mine")]


def test_one_damaged_font_is_left_out_and_the_others_draw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    import matplotlib

    font = (Path(matplotlib.get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf").read_bytes()
    (tmp_path / "fonts").mkdir()
    for name, content in (("good", font), ("cut", font[: len(font) // 2]), ("torn", font[:900] + bytes(4000) + font[4900:])):
        (tmp_path / "fonts" / f"{name}.ttf").write_bytes(content)
    (tmp_path / "texts.txt").write_text("alpha\nbeta\n")
    words = [
        "data",
        "render",
        str(tmp_path / "out"),
        "--labels",
        str(tmp_path / "texts.txt"),
        "--count",
        "6",
        "--processes",
        "1",
    ]
    assert main([*words, "--processes", "1", "--fonts", str(tmp_path / "fonts")]) == 0
    said = capsys.readouterr()
    assert "fonts left out, which are damaged: cut.ttf" in said.err and "6 lines in" in said.out


def test_a_label_of_a_million_letters_is_drawn_on_a_sheet(tmp_path: Path) -> None:
    write_images(tmp_path, [f"{n}.png" for n in range(4)])
    rows = rows_of([f"{n}.png" for n in range(4)])
    (tmp_path / "train.txt").write_text("\n".join([*rows[:3], "3.png\t" + "x" * 1_000_000]))
    assert main(["data", "check", str(tmp_path), "--sheet", str(tmp_path / "sheet.png")]) == 0
