"""From a front to a champion that reads images on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from studies.registry.example_image import example_png_base64
from studies.workspace.paths import Workspace
from tests.dashboards.conftest import Paretext
from trainers.inference.reader import Reader


@pytest.fixture
def image(tmp_path: Path) -> Path:
    import base64

    path = tmp_path / "line.png"
    path.write_bytes(base64.b64decode(example_png_base64("0123456789")))
    return path


def test_the_best_within_the_limit_becomes_champion_and_reads(paretext: Paretext, image: Path, workspace: Workspace) -> None:
    answer = paretext("promote", "plates", "--size-limit", "100KB")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("models:/plates@champion is now version 1: trial 1, accuracy 75.0 % (71.0-78.6), ")

    answer = paretext("promote", "plates", "--json")
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


def test_the_truth_stands_beside_what_was_read(paretext: Paretext, image: Path, workspace: Workspace) -> None:
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


def test_a_bad_image_is_named_and_the_others_are_read(
    paretext: Paretext, image: Path, workspace: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.png").write_text("no image")
    (tmp_path / "cut.png").write_bytes(image.read_bytes()[:60])
    bad = [tmp_path / "empty.png", tmp_path / "text.png", tmp_path / "cut.png", tmp_path / "none.png", tmp_path]
    answer = paretext("predict", *bad, image, "--model", workspace.models / "plates" / "0.onnx", "--json")
    assert answer.code == 2
    assert [reading["image"] for reading in json.loads(answer.out)] == [str(image)]
    lines = answer.err.splitlines()
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
def test_a_model_that_is_not_there_is_one_line(paretext: Paretext, image: Path, model: str, reason: str) -> None:
    answer = paretext("predict", image, "--model", model)
    assert answer.code == 2
    assert reason in answer.err
    assert answer.out == ""


def test_without_a_champion_predict_says_how_to_get_one(
    paretext: Paretext, image: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "fresh"))
    answer = paretext("predict", image)
    assert answer.code == 2
    assert "paretext promote" in answer.err
    assert not (tmp_path / "fresh").exists()
