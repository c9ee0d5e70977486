"""The front as a table, a list and a picture."""

from __future__ import annotations

import itertools
import json
from pathlib import Path

import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from dashboards.views.front_plot import draw, spread
from search_space import Architecture
from studies.objectives.costs import Costs
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import Stopped
from studies.storage.stored_trial import RungResult, StoredTrial
from testing.command_runs import Commands
from tests.dashboards.conftest import FRONT_TRIALS


def test_the_list_has_the_promised_keys_smallest_first(paretext: Commands) -> None:
    answer = paretext("front", "plates", "--json")
    points = json.loads(answer.out)
    assert answer.code == 0
    assert [p["trial"] for p in points] == FRONT_TRIALS
    for point in points:
        assert list(point)[:6] == ["trial", "accuracy", "cer", "size_bytes", "latency_ms", "parameters"]
        assert list(point)[6:9] == ["architecture", "model", "flops"]
        assert list(point)[9:12] == ["validation_lines", "epochs_trained", "epochs"]
        assert list(point)[12:18] == ["sha256", "equal_to", "equal_p", "test_accuracy", "test_cer", "test_lines"]
        assert list(point)[18:] == [
            "recipe",
            "finish_lines",
            "accuracy_low",
            "accuracy_high",
            "test_accuracy_low",
            "test_accuracy_high",
        ]
        assert point["accuracy_low"] < point["accuracy"] < point["accuracy_high"] and point["validation_lines"] == 500
        assert Path(point["model"]).stat().st_size == point["size_bytes"]
    assert [p["accuracy"] for p in points] == sorted(p["accuracy"] for p in points)
    assert [p["size_bytes"] for p in points] == sorted(p["size_bytes"] for p in points)


def test_the_table_is_whole_without_a_terminal(paretext: Commands) -> None:
    answer = paretext("front", "plates")
    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0].split() == ["trial", "architecture", "accuracy", "CER", "size", "latency", "parameters"]
    assert len(lines) == 1 + len(FRONT_TRIALS)
    assert "mbv3_small 100% gru2x48" in lines[-1]
    assert "90.0 % (87.1-92.3)" in lines[-1]
    assert lines[-1].endswith("100,000")


def test_the_picture_is_drawn_beside_either(paretext: Commands, tmp_path: Path) -> None:
    answer = paretext("front", "plates", "--json", "--plot", tmp_path / "front.png")
    assert len(json.loads(answer.out)) == len(FRONT_TRIALS)
    assert "4 candidates, 3 of them on the front" in answer.err
    with Image.open(tmp_path / "front.png") as picture:
        assert picture.size == (1650, 750)


def test_a_picture_that_cannot_be_drawn_is_one_line(paretext: Commands, tmp_path: Path) -> None:
    for file, reason in ((tmp_path / "front.txt", "ends in"), (tmp_path / "no" / "front.png", "cannot write")):
        answer = paretext("front", "plates", "--plot", file)
        assert answer.code == 2
        assert reason in answer.err
    assert "nothing to draw" in paretext("front", "empty", "--plot", tmp_path / "front.png").err


def test_a_study_without_a_trained_candidate_says_so(paretext: Commands) -> None:
    assert paretext("front", "empty", "--json").out.strip() == "[]"
    answer = paretext("front", "empty")
    assert answer.code == 0
    assert "no trained candidate yet" in answer.err


def point(trial: int, accuracy: float, size_bytes: int, precision: str = "fp32") -> FrontPoint:
    architecture = Architecture(precision=precision).as_dict()
    return FrontPoint(trial, accuracy, 1 - accuracy, size_bytes, 1.0, 1_000, architecture, "m.onnx", validation_lines=50)


@pytest.fixture
def axes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Axes]:
    """The axes of the pictures that are drawn."""
    drawn: list[Axes] = []
    monkeypatch.chdir(tmp_path)  # where their empty files are left
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure.axes[0]))
    return drawn


def test_the_picture_has_the_limit_the_stopped_ones_and_no_percentage_below_0_or_above_100(axes: list[Axes]) -> None:
    stopped = StoredTrial(7, {}, Stopped(3, ""), costs=Costs(300_000), rungs={3: RungResult(0.5, 0.25)})
    front = [point(1, 0.9, 100_000, "int8"), point(2, 1.0, 900_000)]
    draw([*front, point(3, 0.0, 50_000)], front, "plates", Path("front.svg"), None, {"size_bytes": 800_000.0}, [stopped])
    (drawn,) = axes
    assert drawn.get_ylim() == (0.0, 100.0) and drawn.get_xlim()[0] > 0
    labels = drawn.get_legend_handles_labels()[1]
    assert labels == ["stopped", "does not read", "front, int8", "front, fp32", "95 % interval", "limit 800KB"]
    assert [text.get_text() for text in drawn.texts] == [
        "1: mbv3_small 100% gru2x48 int8, 100KB",
        "2: mbv3_small 100% gru2x48, 900KB",
    ]


def test_where_nothing_reads_the_axis_begins_at_0(axes: list[Axes]) -> None:
    draw([point(3, 0.0, 50_000)], [], "plates", Path("front.svg"), None, {"size_bytes": 800_000.0})
    assert axes[0].get_ylim()[0] == 0.0
    assert "limit 800KB, to the right" in axes[0].get_legend_handles_labels()[1]


def test_descriptions_do_not_lie_over_one_another() -> None:
    for wanted in ([0.5] * 16, [0.99, 0.995, 1.0], [0.0, 0.01, 0.9], []):
        places = spread(wanted, 1 / 16)
        assert all(after - before >= 1 / 16 - 1e-9 for before, after in itertools.pairwise(places))
        assert all(0 <= place <= 1 for place in places)
