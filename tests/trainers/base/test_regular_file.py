"""Pipes and devices in a data folder are named and left out; nothing waits for them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from PIL import Image

from dashboards.cli.command_line import main
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.base.regular_file import read_regular
from trainers.data.charset import Charset
from trainers.data.decoding import decode_line
from trainers.data.source_registry import open_source

pytestmark = [pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes here"), pytest.mark.timeout(60)]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One good line, and lines whose image or label is a pipe, a device, or a link to one."""
    folder = tmp_path / "lines"
    folder.mkdir()
    for name in "abcde":
        Image.new("L", (40, 16), 255).save(folder / f"{name}.png")
        (folder / f"{name}.gt.txt").write_text(name, encoding="utf-8")
    for name in ("b.png", "c.gt.txt"):
        (folder / name).unlink()
        os.mkfifo(folder / name)
    for name in ("d.png", "e.gt.txt"):
        (folder / name).unlink()
        (folder / name).symlink_to("/dev/zero")
    return folder


def test_pairs_leave_them_out_and_say_why(folder: Path) -> None:
    found = open_source(str(folder))
    assert {s.name: s.reason for s in found.skipped} == dict.fromkeys(("c.gt.txt", "e.gt.txt"), "label is not a regular file")
    decoded = {line.name: decode_line(line, 32) for line in found.lines}
    assert not isinstance(decoded.pop("a.png"), str)
    assert decoded == dict.fromkeys(("b.png", "d.png"), "not a regular file")


def test_a_label_that_is_a_whole_file_of_something_is_left_out(folder: Path) -> None:
    (folder / "a.gt.txt").write_text("a" * (2 << 20), encoding="utf-8")
    assert ("a.gt.txt", "label is larger than 1 MiB") in {(s.name, s.reason) for s in open_source(f"pairs:{folder}").skipped}


def test_lists_and_charsets_are_read_from_files_alone(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    for name in ("labels.txt", "labels.csv", "labels.json", "gt.txt"):
        os.mkfifo(tmp_path / "lists" / name)
        with pytest.raises(UserError):
            open_source(str(tmp_path / "lists" / name))
    with pytest.raises(UserError):
        open_source(str(tmp_path / "lists"))
    with pytest.raises(UserError, match="is not a regular file"):
        Charset.from_file(tmp_path / "lists" / "labels.txt")
    with pytest.raises(UserError, match="larger than 0 MiB"):
        read_regular(Path(__file__), 10)


def test_predict_names_them_and_reads_the_others(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    model = tiny_model(tmp_path / "model.onnx")
    thin = folder / "thin.png"
    Image.new("L", (10_000, 1), 255).save(thin)
    assert (
        main(["predict", *map(str, (folder / "b.png", folder / "d.png", thin, folder / "a.png")), "--model", str(model)]) == 2
    )
    printed = capsys.readouterr()
    assert printed.out.startswith(str(folder / "a.png")) and printed.out.count("\n") == 1
    first, second, third, count = printed.err.splitlines()
    assert "b.png: not a regular file" in first and "d.png: not a regular file" in second
    assert "thin.png: image is more than 150 times as wide as high" in third
    assert count == "paretext: 3 of 4 images could not be read"
