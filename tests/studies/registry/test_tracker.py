"""A search records its trials with the tracker that it is given, and does without MLflow then."""

from __future__ import annotations

import pytest

from studies import search
from studies.registry.tracker import NoTracker, Tracker
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import RecordingTracker, study


def test_a_tracker_is_told_of_the_start_each_trial_and_the_end(workspace: Workspace) -> None:
    tracker = RecordingTracker()
    given: Tracker = tracker
    search(study(), workspace, engine=ScriptedEngine(), tracker=given)
    trials = tracker.calls[1:-1]
    assert tracker.calls[0] == ("start", "s") and tracker.calls[-1] == ("finish", "complete")
    assert len(trials) == 5 and {state for _, state in trials} == {"measured"}


def test_an_interrupted_search_finishes_its_tracker_as_stopped(workspace: Workspace) -> None:
    tracker = RecordingTracker()
    with pytest.raises(Killed):
        search(study(), workspace, engine=ScriptedEngine(break_after=2), tracker=tracker)
    assert tracker.calls[-1] == ("finish", "stopped")


def test_without_a_tracker_nothing_of_mlflow_is_made(workspace: Workspace) -> None:
    search(study(), workspace, engine=ScriptedEngine(), tracker=NoTracker())
    assert not workspace.mlflow_file.exists()
