"""A study of an earlier version opens, continues, shows its front and promotes; see old_study/record.py."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from search_space import Architecture
from studies.definition.study import resolve
from studies.registry.model_registry import find, promote
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import Outcome, OverLimit
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.storage.stored_trial import epochs_spent
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, run_search
from testing.tiny_model import tiny_model
from trainers.base.candidate import READING_CER

OLD = Path(__file__).with_name("old_study")
EXPECTED: dict[str, Any] = json.loads((OLD / "expected.json").read_text())


@pytest.fixture
def old(workspace: Workspace, request: pytest.FixtureRequest) -> Workspace:
    """A workspace with the journal as it was after one of the recorded runs."""
    journal = workspace.folder / "optuna.journal"
    lines = (OLD / "optuna.journal").read_text().splitlines(keepends=True)
    journal.write_text("".join(lines[: EXPECTED[request.param]["lines"]]))
    return replace(workspace, storage=f"journal:{journal}")


FATES = {
    "running": "running",
    "measured": "complete",
    "precision_variant": "shares_training_of",
    "stopped": "pruned",
    "suspended": "resumable",
    "failed": "fail",
    "refused": "refused",
    "duplicate": "duplicate_of",
}
"""Name of an outcome to what the old code's script calls it."""


def fate(outcome: Outcome) -> str:
    if isinstance(outcome, OverLimit):
        return "over_budget" + (" after training" if outcome.measurement else "")
    return FATES[outcome.name]


def assert_as_recorded(workspace: Workspace, state: str) -> None:
    expected = EXPECTED[state]
    trials = load_store(workspace, "old").stored_trials()
    assert len(trials) == len(expected["fates"])
    assert {str(trial.number): fate(trial.outcome) for trial in trials} == expected["fates"]
    assert sum(trial.counts_against_budget for trial in trials) == expected["counts"]
    assert epochs_spent(trials) == expected["epochs_spent"]
    assert [point.trial for point in load_points(workspace, "old")] == expected["points"]
    points, front = (
        [_as_then(point, workspace) for point in found]
        for found in (load_points(workspace, "old"), load_front(workspace, "old"))
    )
    assert all(point in points for point in expected["front"])
    assert front == [point for point in expected["front"] if point["cer"] < READING_CER], (
        "what does not read is off the front now"
    )


def _as_then(point: FrontPoint, workspace: Workspace) -> dict[str, Any]:
    """A point with what the earlier version said of it; what it did not know is unknown."""
    values = point.as_dict() | {"model": str(Path(point.model).relative_to(workspace.folder))}
    assert values["validation_lines"] > 0 and values["equal_to"] is None
    return {key: values[key] for key in EXPECTED["ended"]["front"][0]}


def test_the_recorded_study_has_trials_of_every_fate() -> None:
    fates = {state: set(EXPECTED[state]["fates"].values()) for state in ("suspended", "interrupted")}
    everywhere = {"complete", "fail", "pruned", "duplicate_of", "over_budget", "over_budget after training", "refused"}
    assert fates["suspended"] == everywhere | {"shares_training_of", "resumable"}
    assert fates["interrupted"] == fates["suspended"] | {"running"}


@pytest.mark.parametrize(("old", "state"), [("suspended",) * 2, ("interrupted",) * 2], indirect=["old"])
def test_an_old_study_shows_what_it_held(old: Workspace, state: str) -> None:
    assert_as_recorded(old, state)


@pytest.mark.parametrize("old", ["interrupted"], indirect=True)
def test_an_old_study_continues_as_it_would_have(old: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the old version, which counted what does not read as points of the front (the scripted files hardly read), and told
    samplers nothing of candidates in which a parameter has no effect."""
    monkeypatch.setattr("trainers.base.candidate.READING_CER", 2.0)
    monkeypatch.setattr(Architecture, "unused_fields", frozenset())
    engine, watcher = ScriptedEngine(whole_cer=1.0), RecordingObserver()
    engine.epochs = dict(EXPECTED["interrupted"]["checkpoints"])
    run_search(resolve(EXPECTED["study"], "test"), old, watcher, engine)
    assert watcher.facts is not None and watcher.facts.resumed
    (note,) = (note for note in watcher.notes if "are ignored" in note)
    assert "new values of recipe, search.begin are ignored" in note, "both defaults are others by now; the split is kept"
    assert load_store(old, "old").study.data.split == 1
    assert watcher.facts.finished == EXPECTED["interrupted"]["counts"]
    assert engine.trained == EXPECTED["ended"]["trained"]
    assert engine.epochs == EXPECTED["ended"]["checkpoints"]
    assert_as_recorded(old, "ended")


@pytest.mark.parametrize("old", ["suspended"], indirect=True)
def test_suspended_trials_of_an_old_study_go_on_without_training_an_epoch_twice(old: Workspace) -> None:
    expected = EXPECTED["suspended"]
    engine, watcher = ScriptedEngine(whole_cer=1.0), RecordingObserver()
    engine.epochs = dict(expected["checkpoints"])
    run_search(resolve(EXPECTED["study"], "test"), old, watcher, engine)
    assert watcher.summary is not None and watcher.summary.finished == EXPECTED["ended"]["counts"]
    trials = load_store(old, "old").stored_trials()
    suspended = {trials[int(number)].digest for number, fate in expected["fates"].items() if fate == "resumable"}
    later = {t.digest for t in trials[len(expected["fates"]) :] if t.counts_against_budget}
    assert suspended <= later and epochs_spent(trials) == sum(engine.epochs.values())


@pytest.mark.parametrize("old", ["suspended"], indirect=True)
def test_a_point_of_an_old_study_is_promoted(old: Workspace) -> None:
    """The recorded files are not kept; a small model takes their place, so the size is that file's."""
    point = load_front(old, "old")[0]
    model = Path(point.model)
    model.parent.mkdir(parents=True)
    promoted = promote(replace(point, size_bytes=tiny_model(model).stat().st_size), "reader", old, "old")
    assert (promoted.version, promoted.trial) == (1, point.trial)
    assert find(old, "models:/reader@champion").tags["trial"] == str(point.trial)
