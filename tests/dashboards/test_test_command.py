"""A model is tested on labelled lines: numbers that add up, confusions, errors and their sheet."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from studies.definition.study import resolve
from studies.registry.learnt_lines import learnt_sources
from studies.registry.model_lookup import FoundModel
from studies.storage.backends import open_storage
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from trainers.evaluation.confusions import confusions
from trainers.inference.reader import Reader


@pytest.fixture
def model(workspace: Workspace) -> Path:
    return workspace.models / "plates" / "0.onnx"


@pytest.fixture
def lines(paretext: Commands, tmp_path: Path, model: Path) -> Path:
    """Ten lines of digits; the labels of the first four are what the model reads."""
    folder = tmp_path / "lines"
    paretext("data", "digits", folder, "--count", "10")
    rows = (folder / "labels.txt").read_text().splitlines()
    images = [Image.open(folder / row.split("\t")[0]) for row in rows[:4]]
    read = [reading.text for reading in Reader(model).read(images)]
    rows[:4] = [f"{row.split(chr(9))[0]}\t{text or '0'}" for row, text in zip(rows[:4], read, strict=True)]
    (folder / "labels.txt").write_text("\n".join(rows) + "\n")
    return folder


def test_the_numbers_are_those_of_predict_and_add_up(paretext: Commands, model: Path, lines: Path) -> None:
    report = json.loads(paretext("test", model, "--data", lines, "--json").out)
    predicted = json.loads(paretext("predict", lines, "--model", model, "--truth", "--json").out)
    right = sum(row["text"] == row["truth"] for row in predicted)
    assert (report["lines"], report["right"], report["accuracy"]) == (10, right, right / 10)
    assert report["accuracy_low"] < report["accuracy"] < report["accuracy_high"]
    assert len(report["errors"]) == 10 - right
    assert sum(pair["count"] for pair in report["confusions"]) == report["edits"] == sum(m["edits"] for m in report["errors"])
    assert [m["edits"] for m in report["errors"]] == sorted((m["edits"] for m in report["errors"]), reverse=True)


def test_the_text_and_the_sheet_show_the_mistakes(paretext: Commands, model: Path, lines: Path, tmp_path: Path) -> None:
    answer = paretext("test", model, "--data", lines, "--errors", "2", "--sheet", tmp_path / "sheet.png")
    assert answer.code == 0 and answer.out.startswith(f"{model} on {lines}\naccuracy  ")
    shown = answer.out.split("errors    ")[1].splitlines()[1:]
    assert len(shown) == 3 and "more errors" in shown[-1]
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 1000 and sheet.height > 100


def test_a_model_that_is_tested_on_what_it_has_learnt_says_so(
    paretext: Commands, workspace: Workspace, model: Path, lines: Path
) -> None:
    study = resolve({"name": "own-lines", "data": {"source": str(lines)}}, "test")
    StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    own = workspace.models / "own-lines" / "0.onnx"
    own.parent.mkdir(parents=True)
    own.write_bytes(model.read_bytes())
    (warning,) = paretext("test", own, "--data", lines).err.splitlines()
    assert f"was trained on lines of {lines}" in warning
    assert paretext("test", model, "--data", lines).err == "", "of another study"
    assert learnt_sources(FoundModel(model, ""), "digits", 0, workspace) == ["digits"]
    assert learnt_sources(FoundModel(model, ""), "digits", 1, workspace) == [], "other lines are generated with another seed"


def test_characters_that_the_model_cannot_write_are_named(paretext: Commands, model: Path, lines: Path) -> None:
    rows = (lines / "labels.txt").read_text().splitlines()
    (lines / "labels.txt").write_text("\n".join([*rows[:-1], rows[-1] + "Ω"]) + "\n")
    assert "characters that this model cannot write: 'Ω' in 1 lines" in paretext("test", model, "--data", lines).out


@pytest.mark.parametrize(("data", "reason"), [("digitz", "did you mean 'digits'"), ("digits:tst", "did you mean 'test'")])
def test_data_that_is_not_there_is_one_line(paretext: Commands, model: Path, data: str, reason: str) -> None:
    answer = paretext("test", model, "--data", data)
    assert answer.code == 2 and reason in answer.err and len(answer.err.splitlines()) == 1


def test_confusions_count_substitutions_deletions_and_insertions() -> None:
    found = {
        (pair.truth, pair.reading): (pair.count, pair.share) for pair in confusions(["808", "12", "5"], ["303", "1", "55"])
    }
    assert found == {("8", "3"): (2, 1.0), ("2", ""): (1, 1.0), ("", "5"): (1, None)}
    assert confusions(["a"], ["a"]) == []
