"""How `paretext search` ends: the front and what comes next, or that nothing reads yet and what helps."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rich.console import Console

from dashboards.cli.after_search import SearchEnd, next_commands, nothing_reads
from dashboards.views.front_plot import draw
from dashboards.views.front_table import front_table
from search_space import Architecture
from studies.definition.study import resolve
from studies.run.observer import Summary
from studies.run.reading_progress import LowestCer, lowest_cer, waiting_trainings
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import CheckpointOf, Measured, Suspended
from studies.storage.pareto_front import with_equals
from studies.storage.stored_trial import RungResult, StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from tests.dashboards.conftest import FRONT_TRIALS
from trainers.base.candidate import Measurement
from trainers.base.right_lines import RightLines


def ended(reason: str = "all trials done", waiting: int = 0) -> SearchEnd:
    return SearchEnd("plates", ("search", "--data", "my lines", "--time", "4m"), Summary(12, 24, 200.0, reason), waiting)


@pytest.fixture
def unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace with the study `early`: one file that does not read, and two trainings that wait."""
    workspace = Workspace(tmp_path / "runs").prepare()
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    study = resolve({"name": "early"}, "test")
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    outcomes = [
        Measured(Measurement(0.0, 0.97, 50_000, 0.4, 1_000, 30), Path("m.onnx"), 40),
        Suspended(9, "time is up"),
        Suspended(3, "time is up"),
    ]
    for width, outcome in zip((25, 50, 75), outcomes, strict=True):
        opened = store.ask_params({"width_percent": width}, distributions(study.search_space))
        store.note_rung(opened.number, 3, RungResult(0.62 if width == 50 else 0.99, 0.0))
        store.close(StoredTrial.of(opened.number, opened.params, Architecture(width_percent=width), None, outcome))
    return workspace


def a_search_that_ends(monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    def search(*_: Any, **__: Any) -> Summary:
        return Summary(4, 24, 240.0, reason)

    monkeypatch.setattr("studies.run.search.search", search)


def test_the_same_command_continues_after_time_and_after_ctrl_c() -> None:
    for reason in ("time is up", "interrupted"):
        *_, last = next_commands(ended(reason, waiting=3))
        assert last.split(None, 1)[1].startswith("paretext search --data 'my lines' --time 4m")
        assert f"the same command; {reason}; 3 trainings wait" in last


def test_a_finished_search_continues_with_a_larger_budget() -> None:
    assert "paretext search --name plates --trials 48" in next_commands(ended())[-1]
    assert "paretext search --name plates --total-epochs MORE" in next_commands(ended("90 epochs are trained", 1))[-1]
    assert not any("continue" in line for line in next_commands(ended("the target is reached", 2)))


def test_a_search_ends_with_its_front_and_the_next_commands(paretext: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    a_search_that_ends(monkeypatch, "all trials done")
    answer = paretext("search", "--name", "plates")
    assert answer.code == 0 and len(answer.out.splitlines()) == 1 + len(FRONT_TRIALS)
    commands = re.findall(r"^  \S.*?(paretext \w+)", answer.err, flags=re.MULTILINE)
    assert commands == ["paretext report", "paretext promote", "paretext predict", "paretext search"]
    listed = paretext("search", "--name", "plates", "--json")
    assert [point["trial"] for point in json.loads(listed.out)] == FRONT_TRIALS and listed.err == ""


def test_after_ctrl_c_there_is_the_front_too_and_the_code_is_130(paretext: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    a_search_that_ends(monkeypatch, "interrupted")
    answer = paretext("search", "--name", "plates")
    assert answer.code == 130 and len(answer.out.splitlines()) == 1 + len(FRONT_TRIALS)
    assert "paretext search --name plates  # the same command; interrupted" in answer.err


def test_when_nothing_reads_it_says_what_helps(paretext: Commands, unread: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    a_search_that_ends(monkeypatch, "time is up")
    answer = paretext("search", "--name", "early", "--time", "4m")
    assert answer.code == 1 and answer.out == "" and "promote" not in answer.err
    first, *rest = answer.err.splitlines()
    assert first == (
        "paretext: nothing reads yet in study 'early': the best training has 62.0 % of characters wrong after epoch 3"
    )
    assert "paretext search --name early --time 4m  # the same command; time is up; 2 trainings wait" in rest[1]
    assert "rendered = " in rest[-1] and "docs/data.md" in rest[-1]
    listed = paretext("search", "--name", "early", "--json")
    assert (listed.code, json.loads(listed.out)) == (1, []) and "nothing reads yet" in listed.err


def test_what_does_not_read_is_not_promoted(paretext: Commands, unread: Workspace) -> None:
    for words in ([], ["--trial", "0"], ["--size-limit", "1MB"]):
        answer = paretext("promote", "early", *words)
        assert answer.code == 2 and len(answer.err.splitlines()) == 1 and "nothing reads yet" in answer.err


def test_a_study_on_which_nothing_reads_has_no_front(paretext: Commands, unread: Workspace, tmp_path: Path) -> None:
    answer = paretext("front", "early", "--plot", tmp_path / "front.png")
    assert answer.code == 0 and answer.out == "" and (tmp_path / "front.png").is_file()
    assert "nothing reads yet in study 'early': the best of 1, trial 0, has 97.0% of characters wrong" in answer.err
    assert paretext("front", "early", "--json").out.strip() == "[]"


def test_before_the_first_epoch_there_is_nothing_to_compare(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs").prepare()
    assert lowest_cer([], workspace, "new") is None
    lines = nothing_reads(ended("time is up"), None, rendered=True)
    assert "no epoch is trained" in lines[0] and "--time LONGER" in lines[2], "the same time would end before an epoch again"


def test_a_training_that_reads_but_has_no_file_yet_is_only_short_of_time() -> None:
    lines = nothing_reads(ended("interrupted", 1), LowestCer(0.077, 1), rendered=False)
    assert lines[0] == (
        "paretext: no file on the front of study 'plates' yet: the best training has 7.7 % of characters wrong after epoch 1"
    )
    assert len(lines) == 3 and "the same command; interrupted; 1 training waits" in lines[2]


def test_epochs_below_the_first_rung_count_too(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs").prepare()
    log = workspace.epochs("new") / "00003-x.jsonl"
    log.parent.mkdir(parents=True)
    log.write_text('{"epoch": 1, "cer": 0.9}\n{"epoch": 2, "cer": 0.7}\n')
    assert lowest_cer([], workspace, "new") == LowestCer(0.7, 2)


def test_what_has_been_resumed_since_does_not_wait() -> None:
    small, large = Architecture(width_percent=25), Architecture(width_percent=50)
    measured = Measured(Measurement(0.9, 0.1, 100, 1.0, 10, 30), Path("m.onnx"), 40)
    early = CheckpointOf(0, measured.measurement, Path("c.onnx"), 9)
    trials = [StoredTrial.of(0, {}, small, None, Suspended(9, "")), StoredTrial.of(1, {}, large, None, Suspended(3, ""))]
    trials.append(StoredTrial.of(2, {}, small, None, early))
    assert waiting_trainings(trials) == 2, "a file of a training is not its end"
    assert waiting_trainings([*trials, StoredTrial.of(3, {}, small, None, measured)]) == 1


def a_front() -> list[FrontPoint]:
    """Four points of 500 lines, the second before its last epoch, the third hardly better than the second."""

    def point(trial: int, right: int, size_bytes: int, epochs: int) -> FrontPoint:
        bits = RightLines.of("d", [i < right for i in range(500)])
        fields = {"backbone": "mobilenetv3_small", "neck": "fpn_a", "precision": "int8"}
        return FrontPoint(trial, right / 500, 0.01, size_bytes, 0.4, size_bytes, fields, "m", None, 500, epochs, 40, bits)

    return with_equals(
        [point(4, 470, 52_000, 40), point(12, 480, 72_000, 9), point(7, 482, 84_000, 40), point(31, 488, 125_000, 40)]
    )


@pytest.mark.parametrize("width", [80, 120, 150])
def test_the_table_says_what_the_lines_can_tell_at_every_width(width: int) -> None:
    console = Console(file=io.StringIO(), width=width)
    console.print(front_table(a_front(), width))
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    words = " ".join(text.split())
    assert all(len(line) <= width for line in text.splitlines())
    assert "97.6 % (95.9-98.6)" in text and text.count("= 12") == 1
    assert "(exact McNemar test: 7 and 12, p = 0.5)" in words
    assert ("parameters" in text) == (width >= 100)
    assert width < 150 or "after 9 of 40 epochs" in text


def test_a_table_without_equals_has_no_column_for_them() -> None:
    console = Console(file=io.StringIO(), width=120)
    console.print(front_table(a_front()[:2], 120))
    assert isinstance(console.file, io.StringIO)
    assert "=" not in console.file.getvalue()


def test_the_picture_has_all_points_of_a_front_with_equal_ones(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[Axes] = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *_, **__: drawn.append(figure.axes[0]))
    front = a_front()
    draw(front, front, "x", tmp_path / "front.png")
    (axes,) = drawn
    assert [text.get_text().partition(":")[0] for text in axes.texts] == [str(point.trial) for point in front]
    dots = np.concatenate([np.asarray(dots.get_offsets()) for dots in axes.collections if hasattr(dots, "get_offsets")])
    assert {round(100 * point.accuracy, 6) for point in front} <= set(dots[:, 1].round(6).tolist())
