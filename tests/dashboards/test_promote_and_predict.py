"""From a front to a champion that reads images on the command line."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from studies.registry.example_image import example_png_base64
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.tiny_model import tiny_model
from trainers.inference.reader import Reader


@pytest.fixture
def image(tmp_path: Path) -> Path:
    import base64

    path = tmp_path / "line.png"
    path.write_bytes(base64.b64decode(example_png_base64("0123456789")))
    return path


def test_the_best_within_the_limit_becomes_champion_and_reads(paretext: Commands, image: Path, workspace: Workspace) -> None:
    answer = paretext("promote", "plates", "--size-limit", "100KB")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("models:/plates@champion is now version 1: trial 1, accuracy 75.0 % (71.0-78.6), ")

    image.with_suffix(".gt.txt").write_text("0")
    answer = paretext("promote", "plates", "--data", image.parent)
    assert answer.code == 2 and len(answer.err.splitlines()) == 1
    assert "it is larger, and not told apart from version 1: 0.0% (0.0-79.3) against 0.0% of 1 lines of" in answer.err
    answer = paretext("promote", "plates", "--data", image.parent, "--force", "--dry-run")
    would, gate = answer.out.splitlines()
    assert would.startswith("models:/plates@champion would become version 2 (before: version 1): trial 3, accuracy 90.0 %")
    assert gate.startswith("promoted although it is larger, and ")
    answer = paretext("promote", "plates", "--data", image.parent, "--force", "--json")
    promoted = json.loads(answer.out)
    assert (promoted["trial"], promoted["version"], promoted["previous_version"]) == (3, 2, 1)
    assert promoted["accuracy_low"] < promoted["accuracy"] < promoted["accuracy_high"] and promoted["validation_lines"] == 500

    paretext("promote", "plates", "--trial", "2", "--as", "other")
    for words, trial in (([], 2), (["--model", "models:/plates@champion"], 3), (["--model", "models:/plates/1"], 1)):
        (expected,) = Reader(workspace.models / "plates" / f"{trial}.onnx").read([Image.open(image)])
        answer = paretext("predict", image, *words)
        assert answer.code == 0
        assert answer.out == f"{image}\t{expected.text}\t{expected.confidence:.3f}\n"
        file = workspace.models / "plates" / f"{trial}.onnx"
        assert paretext("predict", image, "--model", file).out == answer.out
    assert "models:/other@champion, version 1 (study plates, trial 2)" in paretext("predict", image).err

    answer = paretext("rollback", "plates")
    assert (answer.code, answer.out) == (0, "models:/plates@champion is version 1 again (before: version 2)\n")
    listed = paretext("models", "plates").out.splitlines()
    assert listed[1].startswith("  version 1, champion: study plates, trial 1, 75.0 % (71.0-78.6) of validation lines, ")
    assert [line.split(" UTC: ")[1] for line in listed[-3:]] == [
        "version 1, promoted",
        "version 2 instead of version 1, forced",
        "version 1 instead of version 2, rolled back",
    ]
    assert json.loads(paretext("models", "plates", "--json").out)["changes"][-1]["reason"] == "rolled back"


def test_the_truth_stands_beside_what_was_read(paretext: Commands, image: Path, workspace: Workspace) -> None:
    model = workspace.models / "plates" / "0.onnx"
    words = ("predict", image, "--model", model, "--truth")
    without = paretext(*words)
    assert without.code == 2 and "line.gt.txt" in without.err
    (image.parent / "labels.txt").write_text("other.png\t1\nline.png\tnot this\n", encoding="utf-8")
    listed = paretext(*words)
    assert listed.out.endswith("\tnot this\twrong\n") and "0 of 1 lines right" in listed.err
    image.with_name("line.gt.txt").write_text(json.loads(paretext(*words, "--json").out)[0]["text"] + "\n", encoding="utf-8")
    beside = paretext(*words)
    assert (
        beside.out.endswith("\tright\n") and "1 of 1 lines right, 100.0 % (20.7-100.0); 0.0% of characters wrong" in beside.err
    )


def test_the_truth_is_compared_as_in_training(paretext: Commands, image: Path, tmp_path: Path) -> None:
    """With the model's normaliser on both sides: full-width digits are the digits that it reads."""
    model = tiny_model(tmp_path / "contest.onnx", normaliser="contest_zh")
    (read,) = json.loads(paretext("predict", image, "--model", model, "--json").out)
    wide = "".join(chr(ord(digit) + 0xFEE0) for digit in read["text"])
    assert wide and wide != read["text"]
    image.with_name("line.gt.txt").write_text(wide + "\n", encoding="utf-8")
    shown = paretext("predict", image, "--model", model, "--truth")
    assert shown.out.endswith(f"\t{wide}\tright\n") and "1 of 1 lines right" in shown.err
    assert "0.0% of characters wrong" in shown.err
    (row,) = json.loads(paretext("predict", image, "--model", model, "--truth", "--json").out)
    assert (row["truth"], row["right"]) == (wide, True) and len(row) == 5


def test_a_bad_image_is_named_and_the_others_are_read(
    paretext: Commands, image: Path, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:60])
    (tmp_path / "no-images").mkdir()
    bad = [tmp_path / "empty.png", tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "none.png", tmp_path / "no-images"]
    answer = paretext("predict", *bad, image, "--model", workspace.models / "plates" / "0.onnx", "--json")
    assert answer.code == 2
    assert [reading["image"] for reading in json.loads(answer.out)] == [str(image)]
    *lines, counts = answer.err.splitlines()
    assert counts == "paretext: 5 of 6 images could not be read"
    assert len(lines) == len(bad)
    assert all(str(path) in line for path, line in zip(bad, lines, strict=True))
    assert "the file is empty" in lines[0]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        ("gone.onnx", "is not there"),
        ("models:/nothing@champion", "no registered model is called 'nothing'"),
        ("models:/x", "write models:/"),
    ],
)
def test_a_model_that_is_not_there_is_one_line(paretext: Commands, image: Path, model: str, reason: str) -> None:
    answer = paretext("predict", image, "--model", model)
    assert answer.code == 2
    assert reason in answer.err
    assert answer.out == ""


def test_without_a_champion_predict_says_how_to_get_one(
    paretext: Commands, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "fresh"))
    answer = paretext("predict", image)
    assert answer.code == 2
    assert "paretext promote" in answer.err
    assert not (tmp_path / "fresh").exists()


@pytest.fixture
def lines(tmp_path: Path) -> list[Path]:
    """Three images, in two folders, each with another text."""
    import base64

    paths = [tmp_path / "lines" / name for name in ("b.png", "deep/a.PNG", "c.png")]
    (tmp_path / "lines" / "deep").mkdir(parents=True)
    for path, text in zip(paths, ("12", "345", "6789"), strict=True):
        path.write_bytes(base64.b64decode(example_png_base64(text)))
    (tmp_path / "lines" / "notes.md").write_text("no image")
    return paths


def test_folders_patterns_and_standard_input_name_images_in_order(
    paretext: Commands, lines: list[Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = ("--model", workspace.models / "plates" / "0.onnx")
    b, a, c = lines

    def named(*words: object) -> list[str]:
        answer = paretext("predict", *words, *model)
        assert answer.code == 0, answer.err
        return [row.split("\t")[0] for row in answer.out.splitlines()]

    folder = b.parent
    assert named(folder) == [str(b), str(c), str(a)]
    assert named(c, folder / "deep", b) == [str(c), str(a), str(b)]
    assert named(folder / "*.png") == [str(b), str(c)]
    names = f"{c}\n{b}\n{a}\n".encode()
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(names)))
    assert named("-") == [str(c), str(b), str(a)]


def test_csv_has_a_heading_and_one_row_for_each_image(paretext: Commands, lines: list[Path], workspace: Workspace) -> None:
    answer = paretext("predict", lines[0].parent, "--csv", "--model", workspace.models / "plates" / "0.onnx")
    rows = list(csv.DictReader(io.StringIO(answer.out)))
    assert [row["image"] for row in rows] == [str(lines[0]), str(lines[2]), str(lines[1])]
    assert all(0 <= float(row["confidence"]) <= 1 for row in rows)


def test_more_images_than_are_read_at_once_keep_their_order(
    paretext: Commands, lines: list[Path], workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboards.cli.predict_command.IMAGES_AT_ONCE", 2)
    bad = lines[0].with_name("bad.png")
    bad.write_text("no image")
    order = [lines[2], bad, lines[0], lines[1], lines[2]]
    answer = paretext("predict", *order, "--model", workspace.models / "plates" / "0.onnx", "--json")
    assert [row["image"] for row in json.loads(answer.out)] == [str(path) for path in order if path != bad]
    assert answer.code == 2 and "1 of 5 images could not be read" in answer.err


@pytest.mark.parametrize("how", ["<(cat {image})", "/dev/stdin < {image}", "/dev/zero", "$'nul\\xff.png'", "- < /dev/null"])
def test_what_is_no_image_file_is_never_a_traceback(image: Path, workspace: Workspace, tmp_path: Path, how: str) -> None:
    model = workspace.models / "plates" / "0.onnx"
    command = f"{sys.executable} -m dashboards.cli.command_line predict --model {model} {how.format(image=image)}"
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    answer = subprocess.run(["bash", "-c", command], capture_output=True, text=True, env=environment, errors="replace")
    assert "Traceback" not in answer.stderr
    assert answer.returncode == 0 if "/dev/stdin" in how else answer.returncode == 2 and "paretext: " in answer.stderr


def test_a_list_of_labels_two_folders_above_is_found(paretext: Commands, lines: list[Path], workspace: Workspace) -> None:
    rows = "".join(f"{path.relative_to(lines[0].parent)}\tnot this\n" for path in lines)
    (lines[0].parent / "labels.txt").write_text(rows)
    answer = paretext("predict", lines[1], "--truth", "--model", workspace.models / "plates" / "0.onnx")
    assert answer.out.endswith("\tnot this\twrong\n")


def test_a_champion_is_found_by_the_name_of_its_model(paretext: Commands, image: Path, workspace: Workspace) -> None:
    paretext("promote", "plates", "--trial", "1", "--as", "named")
    answer = paretext("predict", image, "--model", "named")
    assert answer.out == paretext("predict", image, "--model", workspace.models / "plates" / "1.onnx").out
    assert "did you mean 'named'" in paretext("predict", image, "--model", "nmed").err
