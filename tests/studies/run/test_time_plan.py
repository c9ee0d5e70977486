"""A search with a time limit plans, says so, starts with what is fast, and starts nothing that cannot end."""

from __future__ import annotations

from typing import Any

import pytest

from search_space import Architecture
from studies.registry.tracker import NoTracker
from studies.run.budget import GRACE_S
from studies.run.epoch_seconds import EpochSeconds
from studies.run.search import search
from studies.run.time_plan import Plan, SearchStart, TimePlan
from studies.schedulers.asha import MOASHA
from studies.schedulers.decisions import Promotion
from studies.schedulers.expected_gain import ExpectedGainStopping
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf, Suspended
from studies.storage.pareto_front import load_front, load_store
from studies.workspace.paths import Workspace
from testing.small_studies import RecordingObserver, study
from testing.timed_engine import Clock, TimedEngine, clock
from trainers.inherit.starter import has_starter

__all__ = ["clock"]

SPACE = {"width_percent": [25, 50, 75, 100], "encoder_hidden": [16, 24, 32, 40, 48]}


def seconds_of(architecture: Architecture) -> float:
    """From 7 to 100 s an epoch."""
    return (architecture.width_percent / 100) ** 2 * 100 + architecture.encoder_hidden / 20


def timed(time: str, **changes: Any) -> Any:
    budget = {"trials": 24, "epochs": 9, "time": time}
    return study(**{"space": SPACE, "budget": budget, "search": {"sampler": "front"}, **changes})


def predictor(seconds: float, lines: int = 2000) -> EpochSeconds:
    made = EpochSeconds(lambda _: 1e6, lines, [Architecture()])
    made.add(Architecture(width_percent=25), seconds)
    return made


def test_a_plan_counts_what_early_stopping_leaves_to_train():
    plan = Plan.of(time_s=600, workers=2, epoch_s=10, rungs=(1, 3, 9), eta=3)
    assert plan.candidates == pytest.approx(2 * 600 / (10 * (1 + 2 / 3 + 6 / 9)))
    assert plan.deepest == 9
    assert Plan.of(600, 2, 100, (1, 3, 9), 3).deepest == 3, "five architectures take 257 s to compare"
    assert Plan.of(600, 2, 100, (9,), 3).deepest == 6, "no rung is reached, but so many epochs are"


def test_trainings_are_compared_early_where_few_would_reach_the_first_rung():
    def begin(time: str, workers: int = 2) -> SearchStart:
        asked = study(budget={"trials": 24, "epochs": 40, "time": time}, search={"first_rung": 3})
        return SearchStart.of(asked, workers, predictor(10.0))

    assert begin("5m") == SearchStart(1, 3) and begin("1h").first_rung == begin("20m", workers=16).first_rung == 3
    assert begin("20m").initial_trainings == 7, "a quarter of the architectures that the time allows"
    unlimited = study(budget={"trials": 24, "epochs": 40}, search={"first_rung": 3})
    assert SearchStart.of(unlimited, 2, None) == SearchStart(3, None)


def test_the_plan_is_said_once_and_again_when_it_turns_out_otherwise():
    notes: list[str] = []
    seconds = EpochSeconds(lambda a: 1e6 * a.width_percent, 2000, [Architecture(width_percent=50)])
    asked = study(budget={"trials": 100, "epochs": 9, "time": "20m"}, search={"first_rung": 1})
    plan = TimePlan(asked, 2, (1, 3, 9), seconds, notes.append)
    plan.epoch_finished(Architecture(width_percent=25), 30.0, 1170.0)
    assert notes == [], "one of two workers has measured nothing yet"
    plan.epoch_finished(Architecture(width_percent=50), 50.0, 1150.0)
    assert notes == [
        "plan: 20m with 2 workers: about 20 architectures, compared after 1 epoch (2,000 lines) each, "
        "the best trained for up to 9 epochs"
    ]
    plan.epoch_finished(Architecture(width_percent=75), 60.0, 1100.0)
    assert len(notes) == 1, "much the same"
    for width in (80, 90, 100, 110, 125):
        plan.epoch_finished(Architecture(width_percent=width), 300.0, 900.0)
    assert len(notes) == 2 and notes[1].startswith("the plan is now: 20m with 2 workers: about ")
    assert plan.fits(Architecture(width_percent=25), 34.0) and not plan.fits(Architecture(width_percent=25), 32.0), "30 s"


def test_a_plan_is_said_before_anything_is_measured_and_again_if_it_was_wrong():
    notes: list[str] = []
    seconds = EpochSeconds(lambda a: 1e6 * a.width_percent, 2000, [Architecture(width_percent=50)])
    asked = study(budget={"trials": 100, "epochs": 9, "time": "20m"}, search={"first_rung": 1})
    plan = TimePlan(asked, 2, (1, 3, 9), seconds, notes.append)
    plan.begin(1190.0)
    assert notes[0].startswith("plan, estimated before the first epoch: 20m with 2 workers: about 32 architectures, ")
    for width in (25, 50):
        plan.epoch_finished(Architecture(width_percent=width), 100.0, 1100.0)
    assert len(notes) == 2 and notes[1].startswith("the plan is now: 20m with 2 workers: about 9 architectures")


def test_a_new_architecture_needs_time_for_several_epochs():
    seconds = EpochSeconds(lambda a: 1e6 * a.width_percent, 2000, [Architecture(width_percent=50)])
    plan = TimePlan(study(budget={"trials": 100, "epochs": 9, "time": "20m"}), 2, (1, 3, 9), seconds, lambda _: None)
    assert plan.leaves_room_for_new(600.0) and seconds.longest_s == 600 * 0.75 / 6, "one of the first"
    for width in (25, 50, 75):
        plan.epoch_finished(Architecture(width_percent=width), 30.0 + width, 1100.0)
    assert plan.leaves_room_for_new(600.0) and seconds.longest_s == 600 / 6
    assert not plan.out_of_time
    assert not plan.leaves_room_for_new(320.0), "the fastest takes 55 s an epoch"
    assert plan.out_of_time
    assert plan.fits(Architecture(width_percent=25), 160.0) and not plan.fits(Architecture(width_percent=25), 160.0, new=True)


def test_without_a_limit_nothing_is_planned():
    notes: list[str] = []
    plan = TimePlan(study(), 2, (1, 3, 9), None, notes.append)
    plan.epoch_finished(Architecture(), 30.0, None)
    assert plan.fits(Architecture(), None) and notes == []


@pytest.mark.parametrize("minutes", [8, 40])
def test_a_search_says_its_plan_and_keeps_its_time(workspace: Workspace, clock: Clock, minutes: int) -> None:
    watcher, engine = RecordingObserver(), TimedEngine(clock, seconds_of)
    search(timed(f"{minutes}m"), workspace, watcher, engine, NoTracker(), began=0.0)
    plans = [note for note in watcher.notes if "plan" in note]
    assert 1 <= len(plans) <= 5
    assert plans[0].startswith(f"plan, estimated before the first epoch: {minutes}m with 2 workers: about ")
    assert watcher.summary is not None and watcher.summary.reason in ("time is up", "all trials done")
    assert clock.now <= minutes * 60 + GRACE_S
    assert load_front(workspace, "s")


def test_a_search_that_has_all_its_trials_plans_nothing(workspace: Workspace, clock: Clock) -> None:
    whole = timed("8h", budget={"trials": 4, "epochs": 3, "time": "8h"})
    notes = []
    for _ in range(2):
        watcher = RecordingObserver()
        search(whole, workspace, watcher, TimedEngine(clock, seconds_of), NoTracker(), began=clock.now)
        notes.append([note for note in watcher.notes if "plan" in note])
    assert notes[0] and not notes[1]


def test_the_first_to_start_are_fast_and_the_first_point_is_early(workspace: Workspace, clock: Clock) -> None:
    engine = TimedEngine(clock, seconds_of)
    search(timed("15m"), workspace, None, engine, NoTracker(), began=0.0)
    everything = sorted(
        seconds_of(Architecture(width_percent=w, encoder_hidden=h)) for w in (25, 50, 75, 100) for h in (16, 24, 32, 40, 48)
    )
    first = [seconds_of(architecture) for architecture, epoch, _ in engine.starts[:2]]
    assert max(first) <= everything[len(everything) // 3], first


def test_the_first_to_start_begin_with_trained_weights(workspace: Workspace, clock: Clock) -> None:
    engine, backbones = TimedEngine(clock, lambda _: 20.0), ["mobilenetv3_small", "resnet18"]
    assert has_starter(Architecture()) and not has_starter(Architecture(backbone="resnet18"))
    asked = timed("15m", space=SPACE | {"backbone": backbones}, search={"sampler": "front", "begin": "starter"})
    search(asked, workspace, None, engine, NoTracker(), began=0.0)
    assert [architecture.backbone for architecture, _, _ in engine.starts[:2]] == ["mobilenetv3_small"] * 2


@pytest.mark.parametrize("minutes", [5, 21])
def test_nothing_starts_that_cannot_finish_an_epoch(workspace: Workspace, clock: Clock, minutes: int) -> None:
    engine, watcher = TimedEngine(clock, seconds_of), RecordingObserver()
    search(timed(f"{minutes}m"), workspace, watcher, engine, NoTracker(), began=0.0)
    known = [architecture for architecture, epoch, _ in engine.starts if epoch]
    for architecture, _, at in engine.starts:
        slack = 0 if architecture in known else seconds_of(architecture) / 2  # a new one is predicted
        assert at + seconds_of(architecture) <= minutes * 60 + slack, (architecture.describe(), at)
    stored = load_store(workspace, "s").stored_trials()
    assert not any(trial.is_open for trial in stored)
    assert all(isinstance(t.outcome, Suspended | Measured | PrecisionVariantOf | CheckpointOf) for t in stored), stored


@pytest.mark.parametrize("minutes", [6, 8])
def test_when_nothing_new_fits_paused_trainings_that_do_go_on(workspace: Workspace, clock: Clock, minutes: int) -> None:
    """Five are fast, and paused or trained before little is left; five are slow."""

    def fast_or_slow(architecture: Architecture) -> float:
        return 8.0 if architecture.width_percent == 25 else 60.0

    engine = TimedEngine(clock, fast_or_slow)
    space = {**SPACE, "width_percent": [25, 100]}
    search(timed(f"{minutes}m", space=space), workspace, None, engine, NoTracker(), began=0.0)
    last = [(architecture.width_percent, epoch) for architecture, epoch, at in engine.starts if at > minutes * 60 - 60]
    assert all(width == 25 for width, _ in last)
    assert any(epoch for _, epoch in last)
    assert clock.now <= minutes * 60 + GRACE_S


@pytest.mark.parametrize("early_stopping", ["gain", "promotion"])
def test_a_training_that_another_worker_was_to_resume_while_it_was_exported_continues(
    workspace: Workspace, clock: Clock, monkeypatch: pytest.MonkeyPatch, early_stopping: str
) -> None:
    """Otherwise it counts as resumed, and waits for ever; the best ones are exported most often."""
    promoted: dict[int, int] = {}
    for scheduler in (ExpectedGainStopping, MOASHA):
        monkeypatch.setattr(scheduler, "next_promotion", _noted(scheduler.next_promotion, promoted))
    engine = TimedEngine(clock, seconds_of, slots=3, export_s=60.0)
    how = {"sampler": "front", "early_stopping": early_stopping}
    asked = study(space=SPACE, budget={"trials": 12, "epochs": 27}, search=how)
    search(asked, workspace, RecordingObserver(), engine, NoTracker(), began=0.0)
    trained = {trial.number: trial.epochs_trained for trial in load_store(workspace, "s").stored_trials()}
    assert promoted and all(trained[trial] > rung for trial, rung in promoted.items())


def _noted(next_promotion: Any, promoted: dict[int, int]) -> Any:
    def noted(scheduler: Any, force: bool = False) -> Promotion | None:
        found: Promotion | None = next_promotion(scheduler, force)
        if found is not None:
            promoted[found.trial] = max(found.rung, promoted.get(found.trial, 0))
        return found

    return noted
