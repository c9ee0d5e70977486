"""The front as a table, a list and a picture."""

from __future__ import annotations

import json
from pathlib import Path

from PIL import Image

from tests.dashboards.conftest import FRONT_TRIALS, Paretext


def test_the_list_has_the_promised_keys_smallest_first(paretext: Paretext) -> None:
    answer = paretext("front", "plates", "--json")
    points = json.loads(answer.out)
    assert answer.code == 0
    assert [p["trial"] for p in points] == FRONT_TRIALS
    for point in points:
        assert list(point)[:6] == ["trial", "accuracy", "cer", "size_bytes", "latency_ms", "parameters"]
        assert list(point)[6:9] == ["architecture", "model", "flops"]
        assert list(point)[9:12] == ["validation_lines", "epochs_trained", "epochs"]
        assert list(point)[12:18] == ["sha256", "equal_to", "equal_p", "test_accuracy", "test_cer", "test_lines"]
        assert list(point)[18:] == ["recipe", "accuracy_low", "accuracy_high", "test_accuracy_low", "test_accuracy_high"]
        assert point["accuracy_low"] < point["accuracy"] < point["accuracy_high"] and point["validation_lines"] == 500
        assert Path(point["model"]).stat().st_size == point["size_bytes"]
    assert [p["accuracy"] for p in points] == sorted(p["accuracy"] for p in points)
    assert [p["size_bytes"] for p in points] == sorted(p["size_bytes"] for p in points)


def test_the_table_is_whole_without_a_terminal(paretext: Paretext) -> None:
    answer = paretext("front", "plates")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["trial", "architecture", "accuracy", "CER", "size", "latency", "parameters"]
    assert len(lines) == 1 + len(FRONT_TRIALS)
    assert "mbv3_small 100% gru2x48" in lines[-1]
    assert "90.0 % (87.1-92.3)" in lines[-1]
    assert lines[-1].endswith("100,000")


def test_the_picture_is_drawn_beside_either(paretext: Paretext, tmp_path: Path) -> None:
    answer = paretext("front", "plates", "--json", "--plot", tmp_path / "front.png")
    assert len(json.loads(answer.out)) == len(FRONT_TRIALS)
    assert "4 candidates, 3 of them on the front" in answer.err
    with Image.open(tmp_path / "front.png") as picture:
        assert picture.size == (1200, 750)


def test_a_picture_that_cannot_be_drawn_is_one_line(paretext: Paretext, tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "front.txt", "ends in"), (tmp_path / "no" / "front.png", "cannot write")):
        answer = paretext("front", "plates", "--plot", file)
        assert answer.code == 2
        assert reason in answer.err
    assert "nothing to draw" in paretext("front", "empty", "--plot", tmp_path / "front.png").err


def test_a_study_without_a_trained_candidate_says_so(paretext: Paretext) -> None:
    assert paretext("front", "empty", "--json").out.strip() == "[]"
    answer = paretext("front", "empty")
    assert answer.code == 0
    assert "no trained candidate yet" in answer.err
