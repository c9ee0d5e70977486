"""Small studies, and searches without MLflow, for tests with the scripted engine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from optuna.trial import TrialState

from studies.definition.study import Study, resolve
from studies.engines.base import Engine
from studies.registry.tracker import NoTracker, Tracker
from studies.run.observer import Observer, SilentObserver, StudyFacts, Summary
from studies.run.search import search
from studies.storage.held_out_score import TestScore
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace


class RecordingTracker(NoTracker):
    """Records the calls that MLflow would receive; MLflow takes seconds to start and has tests of its own.

    Attributes:
        calls: ("start", name of the study), (trial number, state) for each trial, ("finish", state).
        fields: trial number to the fields of its file's architecture.
        test_scores: trial number to what its file reads of the test lines, the last that was sent.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, ...]] = []
        self.fields: dict[int, Mapping[str, Any]] = {}
        self.test_scores: dict[int, TestScore] = {}

    @property
    def trials(self) -> list[tuple[Any, ...]]:
        """The calls for trials."""
        return [call for call in self.calls if call[0] not in ("start", "finish")]

    def start(self, study_params: Mapping[str, Any], *_: Any) -> None:
        self.calls.append(("start", study_params["name"]))

    def log_trial(self, number: int, architecture: Any, measurement: Any, state: str, *_: Any, **__: Any) -> None:
        self.calls.append((number, state))
        self.fields[number] = architecture

    def log_test_score(self, number: int, score: TestScore) -> None:
        self.test_scores[number] = score

    def finish(self, state: str = "complete", **_: Any) -> None:
        self.calls.append(("finish", state))


def run_search(
    study: Study,
    workspace: Workspace,
    observer: Observer | None = None,
    engine: Engine | None = None,
    tracker: Tracker | None = None,
    began: float | None = None,
) -> Summary:
    """Runs a search that records nothing in MLflow; see `studies.run.search.search`."""
    return search(study, workspace, observer, engine, tracker or NoTracker(), began)


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
        "data": {"test": False},  # the files of the scripted engine cannot read any
        "space": SMALL_SPACE,
        "budget": {"trials": 5, "epochs": 2},
        "search": {"sampler": "random"},
    }
    return resolve(values | changes, "test")


def numbers_in(workspace: Workspace, *states: TrialState) -> list[int]:
    return [t.number for t in load_store(workspace, "s").trials(*states)]
