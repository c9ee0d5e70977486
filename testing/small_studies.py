"""Small studies, an observer that records its calls, and a stand-in for MLflow, for tests with the scripted engine."""

from __future__ import annotations

from typing import Any

import pytest
from optuna.trial import TrialState

from studies.definition.study import Study, resolve
from studies.registry.tracker import NoTracker
from studies.run.observer import SilentObserver, StudyFacts, Summary
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace


@pytest.fixture(autouse=True)
def tracked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """The calls that MLflow would receive; it takes seconds to start and has tests of its own."""
    calls: list[tuple[Any, ...]] = []

    class RecordingTracker(NoTracker):
        def __init__(self, *_: Any) -> None: ...
        def log_trial(self, number: int, architecture: Any, measured: Any, state: str, *_: Any) -> None:
            calls.append((number, state))

        def finish(self, state: str = "complete", **_: Any) -> None:
            calls.append(("the study", state))

    monkeypatch.setattr("studies.run.search.RunTracker", RecordingTracker)
    return calls


class RecordingObserver(SilentObserver):
    """Records every call."""

    def __init__(self) -> None:
        self.records: list[StoredTrial] = []
        self.notes: list[str] = []
        self.losses: list[tuple[int, str]] = []
        self.facts: StudyFacts | None = None
        self.summary: Summary | None = None

    def note(self, text: str) -> None:
        self.notes.append(text)

    def trial_lost(self, number: int, reason: str) -> None:
        self.losses.append((number, reason))

    def study_started(self, facts: StudyFacts) -> None:
        self.facts = facts

    def trial_closed(self, trial: StoredTrial) -> None:
        self.records.append(trial)

    def study_finished(self, summary: Summary) -> None:
        self.summary = summary

    def states(self) -> list[str]:
        return [r.outcome.name for r in self.records]


SMALL_SPACE = {"width_percent": [25, 50, 75, 100], "encoder_hidden": [24, 48]}
HALVING: dict[str, Any] = {
    "space": {"width_percent": [25, 50, 75, 100], "encoder_hidden": [16, 24, 32, 40, 48]},
    "budget": {"trials": 18, "epochs": 9},
    "search": {"sampler": "random", "early_stopping": "promotion", "first_rung": 1},
}


def study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "s",
        "space": SMALL_SPACE,
        "budget": {"trials": 5, "epochs": 2},
        "search": {"sampler": "random"},
    }
    return resolve(values | changes, "test")


def numbers_in(workspace: Workspace, *states: TrialState) -> list[int]:
    return [t.number for t in load_store(workspace, "s").trials(*states)]
