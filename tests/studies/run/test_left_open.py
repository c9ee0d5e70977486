"""What an earlier run left is neither lost nor judged anew when the next run ends early, or compares after other epochs."""

from __future__ import annotations

from typing import Any

import pytest

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.run import proposer
from studies.storage.outcomes import Duplicate, Measured
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import epochs_spent
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine, accuracy_of
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from trainers.base.progress import EpochReport


class Interrupted(ScriptedEngine):
    """Ctrl-C at the first wait."""

    def wait(self, timeout_s: float) -> list[Event]:
        if not self.trained:
            self.trained.append("interrupted")
            raise KeyboardInterrupt
        return super().wait(timeout_s)


def continued(earlier: ScriptedEngine, kind: type[ScriptedEngine] = ScriptedEngine, **named: Any) -> ScriptedEngine:
    """An engine with the checkpoints of another."""
    engine = kind(**named)
    engine.epochs = dict(earlier.epochs)
    return engine


@pytest.mark.parametrize("ending", ["interrupted", "epochs are trained"])
def test_open_trials_that_a_short_run_does_not_come_to_stay_open(workspace: Workspace, ending: str) -> None:
    killed = ScriptedEngine(slots=4, break_after=7)
    with pytest.raises(Killed):
        run_search(study(**HALVING), workspace, None, killed)
    opened = {t.number: t.rungs for t in load_store(workspace, "s").open_trials()}
    assert len(opened) > 3 and any(opened.values())
    if ending == "interrupted":
        second = continued(killed, Interrupted, slots=1)
        run_search(study(**HALVING), workspace, None, second)
    else:
        second = continued(killed, slots=1)
        run_search(study(**HALVING | {"budget": HALVING["budget"] | {"total_epochs": 1}}), workspace, None, second)
    stored = {t.number: t for t in load_store(workspace, "s").stored_trials()}
    assert not any(isinstance(t.outcome, Duplicate) for t in stored.values())
    assert sum(stored[number].is_open for number in opened) >= len(opened) - 1
    assert all(stored[number].rungs.keys() >= rungs.keys() for number, rungs in opened.items())
    watcher = RecordingObserver()
    run_search(study(**HALVING), workspace, watcher, continued(second))
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert not load_store(workspace, "s").open_trials()


class PausedAt(ScriptedEngine):
    """Trains what is submitted for some epochs; then Ctrl-C, after which it pauses."""

    def __init__(self, epochs: int, **named: Any) -> None:
        super().__init__(**named)
        self._pauses_at = epochs

    def wait(self, timeout_s: float) -> list[Event]:
        if self._open and self._open[0][1].export_only:
            return super().wait(timeout_s)
        if self._stopped:
            paused = [TrialPaused(number, self._pauses_at) for number, _ in self._open]
            self._open.clear()
            return list[Event](paused)
        if self.epochs:
            raise KeyboardInterrupt
        events = list[Event]()
        for number, job in self._open:
            self.epochs[job.folder.name] = self._pauses_at
            for epoch in range(1, self._pauses_at + 1):
                accuracy = accuracy_of(job.architecture) * epoch / job.epochs
                events.append(EpochFinished(number, EpochReport(epoch, job.epochs, 1.0, accuracy, (1 - accuracy) / 2, 0.1)))
        return events


@pytest.mark.parametrize("epochs", [3, 5])
def test_a_training_beyond_the_first_rung_of_this_run_goes_on(workspace: Workspace, epochs: int) -> None:
    """With few trials nothing is compared; the run with more of them has rungs that its checkpoints have passed."""
    asked = HALVING | {"search": {"sampler": "random"}}
    first = PausedAt(epochs)
    run_search(study(**asked | {"budget": {"trials": 6, "epochs": 40}}), workspace, None, first)
    assert len(first.epochs) == 2
    watcher, second = RecordingObserver(), continued(first)
    run_search(study(**asked | {"budget": {"trials": 14, "epochs": 40}}), workspace, watcher, second)
    assert watcher.summary is not None and watcher.summary.reason == "all trials done"
    assert "suspended" not in watcher.states()
    assert all(second.epochs[digest] >= 9 for digest in first.epochs)


class LostAtRung(ScriptedEngine):
    """A worker dies after it has reported the epoch of the first rung, before it says that it pauses."""

    lost: int | None = None

    def wait(self, timeout_s: float) -> list[Event]:
        events = super().wait(timeout_s)
        if self.lost is None and self._events >= 6 and events and isinstance(events[-1], TrialPaused) and events[-1].epoch == 1:
            self.lost = events[-1].number
            events[-1] = TrialLost(self.lost, "its worker process ended with code -9")
        return events


def test_a_worker_that_dies_at_a_rung_is_compared_there(workspace: Workspace) -> None:
    compared, engine = list[tuple[int, int]](), LostAtRung(slots=1)
    watcher = RecordingObserver()
    watcher.trial_paused = lambda number, epoch: compared.append((number, epoch))  # type: ignore[method-assign]
    run_search(study(**HALVING), workspace, watcher, engine)
    stored = {t.number: t for t in load_store(workspace, "s").stored_trials()}
    assert engine.lost is not None and 1 in stored[engine.lost].rungs
    assert (engine.lost, 1) in compared


class LostAtEnd(ScriptedEngine):
    """A worker dies after it has reported its last epoch, while it exports."""

    lost = False

    def wait(self, timeout_s: float) -> list[Event]:
        events = super().wait(timeout_s)
        if not self.lost and events and isinstance(events[-1], TrialFinished):
            self.lost = True
            events[-1] = TrialLost(events[-1].number, "its worker process ended with code -9")
        return events


def test_a_worker_that_dies_after_its_last_epoch_is_started_again(workspace: Workspace) -> None:
    asked = study(budget={"trials": 2, "epochs": 2}, search={"sampler": "random", "early_stopping": "none"})
    run_search(asked, workspace, None, LostAtEnd(slots=1))
    assert [t.outcome.name for t in load_store(workspace, "s").stored_trials()] == ["measured"] * 2


class FailsAfterTraining(ScriptedEngine):
    """Every training fails after its last epoch."""

    def wait(self, timeout_s: float) -> list[Event]:
        events = super().wait(timeout_s)
        return [*events[:-1], TrialFailed(events[-1].number, "nan", "the loss is not finite")] if events else []


def test_epochs_of_failed_trainings_are_spent_in_the_next_run_too(workspace: Workspace) -> None:
    asked = study(budget={"trials": 8, "epochs": 4, "total_epochs": 12}, search={"sampler": "random", "early_stopping": "none"})
    run_search(asked, workspace, None, FailsAfterTraining(slots=1))
    trials = load_store(workspace, "s").stored_trials()
    assert epochs_spent(trials) == 12
    run_search(asked, workspace, None, FailsAfterTraining(slots=1))
    assert load_store(workspace, "s").stored_trials() == trials


class Slow(ScriptedEngine):
    """A training ends with every thirtieth wait."""

    waits = 0

    def wait(self, timeout_s: float) -> list[Event]:
        self.waits += 1
        return super().wait(timeout_s) if self.waits % 30 == 0 else []


def test_a_large_space_without_anything_new_is_asked_again_only_after_a_result(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(proposer, "ENUMERABLE", 5)
    monkeypatch.setattr(proposer, "PATIENCE", 10)
    asked = study(budget={"trials": 20, "epochs": 1}, search={"sampler": "random"})
    run_search(asked, workspace, None, Slow(slots=2))
    outcomes = [t.outcome for t in load_store(workspace, "s").stored_trials()]
    trained = sum(isinstance(outcome, Measured) for outcome in outcomes)
    assert trained <= 8 and len(outcomes) - trained <= 10 * (trained + 1)
