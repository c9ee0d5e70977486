"""When a search ends, its front reads the test lines once; nothing is chosen by them."""

from __future__ import annotations

import pytest

from studies.run import held_out_scores
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, RecordingTracker, run_search, study
from trainers.evaluation.metrics import Score


def test_the_front_reads_the_test_lines_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def score_file(path: object, lines: list[str]) -> Score:
        read.append(str(path))
        return Score(len(lines), len(lines) // 2, 1, 4)

    monkeypatch.setattr(held_out_scores, "score_file", score_file)
    asked = study(data={"test": "auto"})
    tracker = RecordingTracker()
    run_search(asked, workspace, None, ScriptedEngine(), tracker)
    front = load_front(workspace, "s")
    assert tracker.test_scores == load_store(workspace, "s").test_scores()
    assert set(tracker.test_scores) == {point.trial for point in front}
    assert sorted(read) == sorted(point.model for point in front)
    assert all((point.test_accuracy, point.test_cer, point.test_lines) == (0.5, 0.25, 400) for point in front)
    others = [point for point in load_points(workspace, "s") if point.trial not in {p.trial for p in front}]
    assert all(point.test_accuracy is None and not point.test_lines for point in others)
    monkeypatch.setattr(held_out_scores, "open_held_out", None)
    again = RecordingTracker()
    run_search(asked, workspace, None, ScriptedEngine(), again)
    assert len(read) == len(front), "what has been read is neither opened nor read again"
    assert again.test_scores == tracker.test_scores, "MLflow may have missed it"


def test_a_file_that_cannot_be_read_is_named_and_nothing_else_fails(workspace: Workspace) -> None:
    watcher = RecordingObserver()
    run_search(study(data={"test": "auto"}), workspace, watcher, ScriptedEngine())
    assert watcher.summary is not None and load_store(workspace, "s").test_scores() == {}
    assert any("test lines could not be read" in note for note in watcher.notes)


def test_test_lines_that_train_as_well_are_said_once(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_scores, "score_file", lambda _, lines: Score(len(lines), 0, 1, 4))
    watcher, lines = RecordingObserver(), "digits:unseen"
    run_search(study(data={"source": lines, "validation": "digits", "test": lines}), workspace, watcher, ScriptedEngine())
    assert sum("test lines are training lines as well" in note for note in watcher.notes) == 1


def test_without_test_lines_nothing_is_opened(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_out_scores, "score_file", None)
    run_search(study(), workspace, None, ScriptedEngine())
    assert load_front(workspace, "s")[0].test_accuracy is None
