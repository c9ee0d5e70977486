"""`predict` of odd images and labels, and `train` into folders that hold something."""

from __future__ import annotations

import argparse
import io
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dashboards.cli.command_line import main
from dashboards.cli.train_command import add_options, job_of
from testing.bad_input import WORDS, line_image, rows_of, write_images
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError
from trainers.data.open_datasets import prepare_once
from trainers.training.checkpoint import save_checkpoint
from trainers.trial.free_folder import check_free, make_folder
from trainers.trial.run import TrialJob, training_job

NAMES = [f"{number}.png" for number in range(len(WORDS))]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(tiny_model(tmp_path_factory.mktemp("model") / "model.onnx"))


def listed(content: bytes | str, name: str = "labels.txt") -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())

    return make


def beside(names: Sequence[str], content: bytes | None = None) -> Callable[[Path], None]:
    def make(folder: Path) -> None:
        for name, word in zip(names, WORDS, strict=False):
            (folder / name).write_bytes(word.encode() if content is None else content)

    return make


def one_bad_pair(folder: Path) -> None:
    beside([f"{n}.gt.txt" for n in range(4)])(folder)
    (folder / "1.gt.txt").write_bytes(b"\xff")


TRUTHS: dict[str, tuple[Callable[[Path], None], int, Sequence[str]]] = {
    "tabs": (listed("\n".join(rows_of(NAMES))), 4, ()),
    "blanks": (listed("\n".join(rows_of(NAMES, " "))), 4, ()),
    "CR only": (listed("\r".join(rows_of(NAMES))), 4, ()),
    "UTF-16": (listed(("\ufeff" + "\n".join(rows_of(NAMES))).encode("utf-16-le")), 4, ()),
    "backslashes and dots": (listed("\n".join(rows_of([f".\\{name}" for name in NAMES]))), 4, ()),
    "half of the rows": (listed("\n".join(rows_of(NAMES)[:2])), 2, ("2.png: has no truth beside it: write 2.gt.txt", "2 of 4")),
    "not UTF-8": (listed(b"0.png\t\xff\n"), 0, ("labels.txt is not UTF-8 text",)),
    "none": (listed("", "other.txt"), 0, ("0.png has no truth beside it",)),
    "pairs": (beside([f"{n}.gt.txt" for n in range(4)]), 4, ()),
    "pairs with the suffix": (beside([f"{n}.png.gt.txt" for n in range(4)]), 4, ()),
    "pairs in capitals": (beside([f"{n}.GT.TXT" for n in range(4)]), 4, ()),
    "one pair not UTF-8": (one_bad_pair, 3, ("1.gt.txt is not",)),
    "a folder called labels.txt": (lambda f: (f / "labels.txt").mkdir(), 0, ("has no truth beside it",)),
}


@pytest.mark.parametrize("name", TRUTHS)
def test_truth(name: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, read, parts = TRUTHS[name]
    write_images(tmp_path, NAMES)
    make(tmp_path)
    code = main(["predict", "--model", model, "--truth", *(str(tmp_path / image) for image in NAMES)])
    printed = capsys.readouterr()
    shown = [row.split("\t")[3] for row in printed.out.splitlines()]
    assert len(shown) == read and shown == [word for word in WORDS if word in shown]
    assert code == (0 if read == 4 else 2) and all(part in printed.err for part in parts), printed.err


ODD_IMAGES: dict[str, tuple[bytes | None, str]] = {
    "empty.png": (b"", "the file is empty"),
    "text.png": (b"text", "not a readable image"),
    "cut.png": (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "not a readable image"),
    "x" * 300 + ".png": (None, "File name too long"),
    "missing.png": (None, "there is no such image"),
    "nul\0.png": (None, "embedded null byte"),
    "zero.pgm": (b"P5 0 0 255\n", "not a readable image"),
    "esc\x1b[31m.png": (b"no", "esc\\x1b[31m.png: not a readable image"),
    "new\nline.png": (b"no", "new line.png: not a readable image"),
}


@pytest.mark.parametrize("name", ODD_IMAGES, ids=lambda name: ascii(name)[:20])
def test_an_odd_image_is_named_and_the_others_are_read(
    name: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content, words = ODD_IMAGES[name]
    if content is not None:
        (tmp_path / name).write_bytes(content)
    write_images(tmp_path, ["good.png"])
    assert main(["predict", "--model", model, str(tmp_path / name), str(tmp_path / "good.png")]) == 2
    printed = capsys.readouterr()
    assert "good.png\t" in printed.out and words in printed.err and "1 of 2 images could not be read" in printed.err


@pytest.mark.parametrize("size", [(5_000, 1), (100_000, 1), (4_801, 32)])
def test_a_thin_image_is_refused_before_it_is_enlarged(
    size: tuple[int, int], model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line_image(0).resize(size).save(tmp_path / "thin.png")
    assert main(["predict", "--model", model, str(tmp_path / "thin.png")]) == 2
    assert "more than 150 times as wide as high" in capsys.readouterr().err


def test_an_image_on_standard_input_is_no_list_of_names(
    model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_images(tmp_path, ["0.png"])
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO((tmp_path / "0.png").read_bytes())))
    assert main(["predict", "--model", model, "-"]) == 2
    assert capsys.readouterr().err.endswith("but an image; give its file: paretext predict line.png\n")


def job(folder: Path, *words: str) -> TrialJob:
    parser = argparse.ArgumentParser()
    add_options(parser)
    data = ["width_percent=25,encoder_hidden=8,encoder_layers=1", "--data", str(folder / "set"), "--device", "cpu"]
    return job_of(parser.parse_args([*data, *words]))


@pytest.fixture
def lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "home"))
    for name in ("set", "other"):
        write_images(tmp_path / name, NAMES)
        (tmp_path / name / "train.txt").write_text("\n".join(rows_of(NAMES)))
    return tmp_path


def nothing(_: Path) -> None:
    pass


def write_into(folder: Path, name: str, content: str) -> None:
    folder.mkdir()
    (folder / name).write_text(content)


PLACES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "a file": (lambda out: out.write_text("mine"), "is a file"),
    "in a file": (lambda out: out.parent.joinpath("file").write_text("mine"), "file is a file, so"),
    "a link to a file": (lambda out: (out.parent.joinpath("mine").write_text("mine"), out.symlink_to("mine")), "is a file"),
    "a folder that cannot be made": (nothing, "cannot be made"),
    "a folder with a model": (lambda out: write_into(out, "model.onnx", "mine"), "model.onnx is already there"),
    "another training": (
        lambda out: save_checkpoint(out, "a b c d e", {}),
        "holds another training: its architecture and its lines",
    ),
    "another that has ended": (
        lambda out: write_into(out, "candidate.json", json.dumps({"identity": "x"})),
        "holds another training: its architecture is another",
    ),
}


@pytest.mark.parametrize("name", PLACES)
def test_train_writes_over_nothing(name: str, lines: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make, words = PLACES[name]
    out = lines / "out"
    make(out)
    given = {"in a file": lines / "file" / "out", "a folder that cannot be made": Path("/proc/none/out")}.get(name, out)
    before = sorted((str(p), p.read_bytes()) for p in lines.rglob("*") if p.is_file() and "home" not in p.parts)
    data = ["--data", str(lines / "set"), "--epochs", "1", "--threads", "1", "--device", "cpu", "--out", str(given)]
    assert main(["train", "width_percent=25,encoder_hidden=8,encoder_layers=1", *data]) == 2
    printed = capsys.readouterr().err
    assert words in printed and "give another --out FOLDER" in printed and "Traceback" not in printed
    assert before == sorted((str(p), p.read_bytes()) for p in lines.rglob("*") if p.is_file() and "home" not in p.parts)


@pytest.mark.parametrize("part", range(5))
def test_one_difference_is_another_training(part: int, lines: Path) -> None:
    asked = job(lines, "--out", str(lines / "out"))
    prepared = prepare_once(asked.data, asked.cache_folder)
    identity = training_job(asked, prepared).identity
    save_checkpoint(asked.folder, identity, {})
    check_free(asked, prepared)
    fields = identity.split(" ")
    fields[part] += "0"
    save_checkpoint(asked.folder, " ".join(fields), {})
    word = ("architecture", "lines", "recipe", "number of epochs", "seed")[part]
    with pytest.raises(UserError, match=f"holds another training: its {word} (is another|are others)"):
        check_free(asked, prepared)


def test_other_sampling_weights_are_another_training(lines: Path) -> None:
    asked = job(lines, "--out", str(lines / "out"))
    prepared = prepare_once(asked.data, asked.cache_folder)
    save_checkpoint(asked.folder, training_job(asked, prepared).identity, {})
    check_free(asked, prepared)  # an earlier version has not noted them
    make_folder(asked)
    check_free(asked, prepared)
    weighted = replace(asked, data=asked.data.with_(weights=(2.0,)))
    with pytest.raises(UserError, match="holds another training: its sources have other sampling weights; give another --out"):
        check_free(weighted, prepared)
    make_folder(weighted)
    check_free(weighted, prepared)


def test_each_training_has_a_folder_of_its_own_by_default(lines: Path) -> None:
    usual = job(lines)
    others = [
        job(lines, *words)
        for words in (
            ["--data", str(lines / "other")],
            ["--seed", "1"],
            ["--recipe", "seed"],
            ["--validation", str(lines / "other")],
            ["--normaliser", "lower"],
            ["--lines", "2"],
        )
    ]
    assert len({each.folder for each in (usual, *others)}) == 7
    assert job(lines, "--epochs", "99").folder == usual.folder  # the training goes on


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written_to(lines: Path) -> None:
    (lines / "closed").mkdir(mode=0o500)
    with pytest.raises(UserError, match="may not be written to"):
        job(lines, "--out", str(lines / "closed" / "out"))
