"""The search loop keeps the budget, trains nothing twice and loses no finished trial, whenever it is killed."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from search_space import Architecture, zoo
from studies.engines.base import TrialFailed, TrialLost
from studies.storage.outcomes import Measured
from studies.storage.pareto_front import load_front, load_points, load_store, pick
from studies.storage.stored_trial import StoredTrial
from studies.storage.trial_attributes import parse
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, SMALL_SPACE, RecordingObserver, RecordingTracker, numbers_in, run_search, study
from testing.tiers import slow_after
from testing.timed_engine import Clock, clock
from trainers.base.errors import UserError
from trainers.base.file_lock import locked

__all__ = ["clock"]


def test_a_search_spends_its_trials_and_leaves_a_front(workspace: Workspace) -> None:
    engine, watcher = ScriptedEngine(), RecordingObserver()
    run_search(study(), workspace, watcher, engine)
    assert len(engine.trained) == len(set(engine.trained)) == 5
    assert watcher.summary is not None and watcher.summary.finished == 5
    front = load_front(workspace, "s")
    assert front and all(a.accuracy < b.accuracy and a.size_bytes < b.size_bytes for a, b in itertools.pairwise(front))
    assert all(Path(p.model).stat().st_size == p.size_bytes for p in front)
    assert engine.closed


def test_a_second_run_changes_nothing_and_a_larger_budget_continues(workspace: Workspace) -> None:
    run_search(study(), workspace, None, ScriptedEngine())
    again, watcher = ScriptedEngine(), RecordingObserver()
    run_search(study(), workspace, watcher, again)
    assert again.trained == [] and watcher.facts is not None and watcher.facts.resumed and watcher.facts.finished == 5
    more = ScriptedEngine()
    run_search(study(budget={"trials": 7, "epochs": 2}), workspace, None, more)
    assert len(more.trained) == 2 and len(load_points(workspace, "s")) == 7


def test_equal_architectures_are_not_trained_twice(workspace: Workspace) -> None:
    """No encoder: its hidden size has no effect, so 2 of the 4 combinations are one network."""
    engine, watcher = ScriptedEngine(), RecordingObserver()
    space = {"encoder": ["none", "gru"], "encoder_hidden": [24, 48]}
    run_search(study(space=space, budget={"trials": 10, "epochs": 1}), workspace, watcher, engine)
    assert len(engine.trained) == 3
    assert watcher.summary is not None and "every architecture of the space" in watcher.summary.reason
    assert len(load_points(workspace, "s")) == 3


def test_an_architecture_over_a_limit_is_never_trained_and_is_recorded_as_infeasible(workspace: Workspace) -> None:
    from trainers.export.size_estimate import estimate_bytes

    sizes = sorted(estimate_bytes(Architecture(width_percent=w, encoder_hidden=24), 10) for w in (25, 50, 75, 100))
    limit = f"{sizes[1] + 20_000}B"
    engine, watcher = ScriptedEngine(), RecordingObserver()
    space = {"width_percent": [25, 50, 75, 100], "encoder_hidden": [24]}
    run_search(study(space=space, limits={"size": limit}), workspace, watcher, engine)
    assert len(engine.trained) == 2
    over = [t for t in load_store(workspace, "s").trials(TrialState.PRUNED) if t.user_attrs["outcome"] == "over_limit"]
    assert over and all(t.constraints and max(t.constraints.values()) > 0 for t in over)
    assert all(t.system_attrs["constraints"][0] > 0 for t in over), "optuna-dashboard reads this list"


def test_a_limit_that_nothing_meets_is_reported_before_anything_is_written(workspace: Workspace) -> None:
    with pytest.raises(UserError, match="nothing in the space meets the size limit of 1\\.00KB"):
        run_search(study(limits={"size": "1KB"}), workspace, None, ScriptedEngine())
    with pytest.raises(UserError, match="no study is called 's'"):
        load_front(workspace, "s")


@pytest.mark.parametrize("moment", slow_after(2, [1, 4, 2]))
def test_a_killed_search_continues_where_it_stopped(workspace: Workspace, moment: int) -> None:
    killed = ScriptedEngine(break_after=moment)
    with pytest.raises(Killed):
        run_search(study(), workspace, None, killed)
    assert len(numbers_in(workspace, TrialState.RUNNING)) >= 2, "two in training, and their precision variants, which wait"
    again = ScriptedEngine()
    run_search(study(), workspace, None, again)
    assert numbers_in(workspace, TrialState.RUNNING) == []
    assert not set(killed.trained) & set(again.trained)
    assert len(load_points(workspace, "s")) == len(killed.trained) + len(again.trained) == 5


def test_an_interrupted_search_does_not_stay_running_in_mlflow(workspace: Workspace) -> None:
    tracker = RecordingTracker()
    with pytest.raises(Killed):
        run_search(study(), workspace, None, ScriptedEngine(break_after=2), tracker)
    assert tracker.calls[-1] == ("finish", "stopped")


def test_whatever_was_closed_is_sent_to_mlflow_again_by_the_next_run(workspace: Workspace) -> None:
    first, second = RecordingTracker(), RecordingTracker()
    run_search(study(**HALVING), workspace, None, ScriptedEngine(), first)
    assert {state for _, state in first.trials} >= {"measured", "stopped"}
    run_search(study(**HALVING), workspace, None, ScriptedEngine(), second)
    assert set(second.trials) == set(first.trials)


def test_a_failed_trial_is_sent_to_mlflow_again_too(workspace: Workspace) -> None:
    bad = Architecture(width_percent=50, encoder_hidden=24).digest
    of_eight = study(budget={"trials": 8, "epochs": 1})
    first, second = RecordingTracker(), RecordingTracker()
    run_search(of_eight, workspace, None, ScriptedEngine(script={bad: TrialFailed}), first)
    failed = [call for call in first.trials if call[1] == "failed"]
    run_search(of_eight, workspace, None, ScriptedEngine(), second)
    assert [call for call in second.trials if call[1] == "failed"] == failed != []


def test_a_failed_training_fails_alone(workspace: Workspace) -> None:
    bad = Architecture(width_percent=50, encoder_hidden=24).digest
    watcher = RecordingObserver()
    run_search(study(budget={"trials": 8, "epochs": 1}), workspace, watcher, ScriptedEngine(script={bad: TrialFailed}))
    assert watcher.states().count("failed") == 1 and len(load_points(workspace, "s")) == 7
    assert next(r.reason for r in watcher.records if r.outcome.name == "failed") == "nan: the loss is not finite"


def test_a_training_whose_process_died_is_started_again(workspace: Workspace) -> None:
    lost = Architecture(width_percent=50, encoder_hidden=24).digest
    engine, watcher = ScriptedEngine(script={lost: TrialLost}), RecordingObserver()
    run_search(study(budget={"trials": 8, "epochs": 1}), workspace, watcher, engine)
    assert lost in engine.trained and len(load_points(workspace, "s")) == 8
    assert [reason for _, reason in watcher.losses] == ["its worker process ended with code -9"]


def test_trainings_are_suspended_when_time_is_up_and_the_next_run_resumes_them(workspace: Workspace, clock: Clock) -> None:
    class Endless(ScriptedEngine):
        """Lets the time run out once two trainings are open; they end only when they are stopped."""

        def wait(self, timeout_s: float) -> list[Any]:
            if len(self._open) == self.slots and not clock.now:
                clock.now, self.time_was_up = 60.0, time.monotonic()
            return super().wait(timeout_s)

    watcher, timed = RecordingObserver(), study(budget={"trials": 8, "epochs": 1, "time": "60s"})
    engine = Endless(patient=True)
    run_search(timed, workspace, watcher, engine, began=0.0)
    assert time.monotonic() - engine.time_was_up < 10
    assert watcher.summary is not None and watcher.summary.reason == "time is up" and watcher.summary.seconds == 60.0
    assert numbers_in(workspace, TrialState.RUNNING) == []
    paused = [r.architecture.digest for r in watcher.records if r.outcome.name == "suspended" and r.architecture]
    assert len(paused) == 2
    again = ScriptedEngine()
    run_search(study(budget={"trials": 8, "epochs": 1}), workspace, None, again)
    assert again.trained[:2] == paused and len(load_points(workspace, "s")) == 8


@pytest.mark.parametrize("form", ["promotion", "stopping"])
def test_early_stopping_trains_few_to_the_end_and_records_what_the_others_reached(workspace: Workspace, form: str) -> None:
    engine, watcher = ScriptedEngine(), RecordingObserver()
    run_search(study(**HALVING | {"search": HALVING["search"] | {"early_stopping": form}}), workspace, watcher, engine)
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert 3 <= len(engine.trained) < 12
    assert sum(engine.epochs.values()) < 18 * 9 * 2 / 3
    store = load_store(workspace, "s")
    assert store.trials(TrialState.RUNNING) == []
    stopped = store.trials(TrialState.PRUNED)
    assert stopped and all({"cer", "accuracy"} <= set(t.user_attrs) and 1 in parse(t).rungs for t in stopped)
    assert not any(t.constraints for t in stopped), "a stopped trial is not infeasible"


def measured(workspace: Workspace) -> list[StoredTrial]:
    """Trials that were trained to the end."""
    return [t for t in load_store(workspace, "s").stored_trials() if isinstance(t.outcome, Measured)]


@pytest.mark.parametrize("moment", slow_after(2, [5, 14, 1, 9, 20], thorough=3))
def test_a_killed_search_with_paused_trials_continues_without_training_an_epoch_twice(
    workspace: Workspace, moment: int
) -> None:
    killed = ScriptedEngine(break_after=moment)
    with pytest.raises(Killed):
        run_search(study(**HALVING), workspace, None, killed)
    again, watcher = ScriptedEngine(), RecordingObserver()
    again.epochs = dict(killed.epochs)
    run_search(study(**HALVING), workspace, watcher, again)
    assert numbers_in(workspace, TrialState.RUNNING) == []
    assert not set(killed.trained) & set(again.trained)
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert len(measured(workspace)) == len(killed.trained) + len(again.trained) >= 3


def test_time_up_leaves_paused_trials_to_the_next_run(workspace: Workspace, clock: Clock) -> None:
    class Slow(ScriptedEngine):
        """Lets the time run out after some events."""

        def wait(self, timeout_s: float) -> list[Any]:
            if self._events == 8:
                clock.now += 60.0
                self._patient = True
            return super().wait(timeout_s)

    first, timed = Slow(), HALVING | {"budget": HALVING["budget"] | {"time": "60s"}}
    run_search(study(**timed), workspace, None, first, began=0.0)
    assert numbers_in(workspace, TrialState.RUNNING) == []
    suspended = [t for t in load_store(workspace, "s").stored_trials() if t.may_be_resumed]
    assert len(suspended) > 2
    again, watcher = ScriptedEngine(), RecordingObserver()
    again.epochs = dict(first.epochs)
    run_search(study(**HALVING), workspace, watcher, again)
    assert watcher.summary is not None and watcher.summary.finished == 18
    digests = [trial.digest for trial in measured(workspace)]
    assert len(digests) == len(set(digests)) >= 3


def test_settings_that_differ_from_the_stored_study_are_ignored_and_named(workspace: Workspace) -> None:
    run_search(study(), workspace, None, ScriptedEngine())
    watcher = RecordingObserver()
    run_search(study(space={"width_percent": [100]}), workspace, watcher, ScriptedEngine())
    assert "new values of space are ignored" in watcher.notes[0]
    assert load_store(workspace, "s").study.space == SMALL_SPACE
    watcher = RecordingObserver()
    run_search(study(search={"sampler": "tpe", "workers": 1}), workspace, watcher, ScriptedEngine())
    assert "; new values of search.sampler are ignored" in watcher.notes[0], "workers may change from run to run"


def test_a_front_that_cannot_grow_does_not_train_everything(workspace: Workspace) -> None:
    """All are equally good and equally large."""
    alike = {"width_percent": [25], "attention": ["none", "eca", "coordinate", "squeeze_excite"], "time_stride": [4, 8]}
    engine = ScriptedEngine()
    asked = HALVING | {"space": alike | {"pooling": ["max", "blur"]}, "budget": {"trials": 16, "epochs": 9}}
    run_search(study(**asked), workspace, None, engine)
    assert 3 <= len(engine.trained) <= 9


def test_one_study_is_run_by_one_process(workspace: Workspace) -> None:
    with locked(workspace.lock("study-s"), wait=False), pytest.raises(UserError, match="is being run by another process"):
        run_search(study(), workspace, None, ScriptedEngine())


def test_known_models_are_tried_first(workspace: Workspace) -> None:
    engine = ScriptedEngine(slots=1)
    name = "mobilev3_fpnd_small_1.0"
    run_search(study(search={"warm_start": [name], "sampler": "random"}), workspace, None, engine)
    assert engine.trained[0] == zoo.architecture(name).digest
    first = load_store(workspace, "s").stored_trials()[0]
    assert first.fields is not None and first.fields["neck"] == "fpn_d"


def test_pruned_models_are_tried_like_others(workspace: Workspace) -> None:
    engine = ScriptedEngine(slots=1)
    name = "resnet18_48_prune_0.9"
    space = {"width_percent": [25], "prune_percent": [0, 50], "prune_criterion": ["l1", "fpgm"]}
    changes = {"search": {"warm_start": [name], "sampler": "random"}, "budget": {"trials": 4, "epochs": 1}}
    run_search(study(space=space, **changes), workspace, None, engine)
    first, *others = [point.architecture for point in load_points(workspace, "s")]
    assert (first["prune_percent"], first["prune_criterion"]) == (90, zoo.architecture(name).prune_criterion)
    cuts = {(a["prune_percent"], a["prune_criterion"]) for a in others if a["width_percent"] == 25}
    assert cuts == {(0, None), (50, "l1"), (50, "fpgm")}, "not pruned is one network, whatever the criterion would be"


def test_picking_takes_the_most_accurate_within_a_limit(workspace: Workspace) -> None:
    run_search(study(budget={"trials": 8, "epochs": 1}), workspace, None, ScriptedEngine())
    points = load_points(workspace, "s")
    best = pick(points)
    assert best.accuracy == max(p.accuracy for p in points)
    limited = pick(points, size_limit_bytes=best.size_bytes - 1)
    assert limited.size_bytes < best.size_bytes
    assert pick(points, trial=limited.trial) == limited
    with pytest.raises(UserError, match="its smallest takes"):
        pick(points, size_limit_bytes=10)
    with pytest.raises(UserError, match="no trained trial 99"):
        pick(points, trial=99)
