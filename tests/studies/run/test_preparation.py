"""What a study refuses, or says, of its data before anything trains: labels too long for a head, missing test lines."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from studies.run.preparation import prepare_study
from studies.workspace.paths import Workspace
from testing.small_studies import RecordingObserver, study
from trainers.base.errors import UserError


def lines_with_long_labels(folder: Path, lines: int, long: int) -> Path:
    """Lines of which the first ones have labels of 26 symbols."""
    folder.mkdir()
    rng = np.random.default_rng([lines, long])
    for number in range(lines):
        text = "abcdefghijklmnopqrstuvwxyz" if number < long else "abc"
        Image.fromarray(rng.integers(0, 255, (32, 12 * len(text)), dtype=np.uint8)).save(folder / f"{number:03}.png")
        (folder / f"{number:03}.gt.txt").write_text(text, encoding="utf-8")
    return folder


def prepared(folder: Path, home: Path, *heads: str, rendered: bool | dict[str, int] = False) -> list[str]:
    """Notes of preparing a study with these heads."""
    watcher = RecordingObserver()
    space = {"width_percent": [25, 50], "head": list(heads), "head_rank": [16]}
    validation = folder.with_name("validation")
    if not validation.exists():
        lines_with_long_labels(validation, 5, 0)
    source = {"source": str(folder), "validation": str(validation), "rendered": rendered}
    prepare_study(study(data=source, space=space), Workspace(home), watcher)
    return [note for note in watcher.notes if "training lines are few" not in note]


def test_a_head_that_cannot_write_many_labels_is_refused_in_one_line(tmp_path: Path) -> None:
    folder = lines_with_long_labels(tmp_path / "lines", 20, 2)
    with pytest.raises(
        UserError, match=r"^2 of 20 training lines have labels of more than 25 symbols, which the attention head cannot write"
    ):
        prepared(folder, tmp_path / "home", "attention", "ctc")
    assert prepared(folder, tmp_path / "home", "ctc") == []


@pytest.mark.parametrize("rendered", [False, {"count": 10}])
def test_a_few_long_labels_are_left_out_and_named(rendered: bool | dict[str, int], tmp_path: Path) -> None:
    folder = lines_with_long_labels(tmp_path / "lines", 40, 1)
    (note,) = prepared(folder, tmp_path / "home", "attention", rendered=rendered)
    assert (
        note.startswith("1 of 40 training lines have labels of more than 25 symbols; they are left out") and "000.png" in note
    )


def test_few_lines_are_named_with_what_helps(tmp_path: Path) -> None:
    folder, watcher = lines_with_long_labels(tmp_path / "lines", 40, 0), RecordingObserver()
    prepare_study(study(data={"source": str(folder), "test": False}), Workspace(tmp_path / "runs"), watcher)
    (note,) = [note for note in watcher.notes if "are few" in note]
    assert note.startswith("32 training lines are few, and 8 validation lines tell accuracies apart in steps of 12 points")
    assert "rendered" in note


def test_test_lines_that_are_not_there_are_refused_before_anything_is_decoded(tmp_path: Path) -> None:
    folder, watcher = lines_with_long_labels(tmp_path / "lines", 20, 0), RecordingObserver()
    source = {"source": str(folder), "test": [str(folder), str(tmp_path / "nowhere")]}
    with pytest.raises(UserError, match=r"nowhere"):
        prepare_study(study(data=source), Workspace(tmp_path / "home"), watcher)
    assert not (tmp_path / "home" / "cache").exists() and watcher.notes == []
