"""However a search ends, what has trained best by then is a file on the front: exported, measured, and still trainable."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest

from studies.engines.base import EpochFinished, Event
from studies.run import checkpoint_exports, ending
from studies.storage.outcomes import CheckpointOf, Measured, Stopped, Suspended
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from testing.tiers import slow_after
from testing.timed_engine import Clock, clock
from trainers.base.candidate import Candidate
from trainers.base.progress import EpochReport
from trainers.trial.run import TrialJob

__all__ = ["clock"]


def checkpoints(workspace: Workspace) -> list[StoredTrial]:
    return [t for t in load_store(workspace, "s").stored_trials() if isinstance(t.outcome, CheckpointOf)]


class Interrupted(ScriptedEngine):
    """Ctrl-C arrives after some events; a second one if asked for."""

    def __init__(self, after: int, twice: bool = False) -> None:
        super().__init__()
        self._after, self._left = after, 2 if twice else 1

    def wait(self, timeout_s: float) -> list[Event]:
        if self._events >= self._after and self._left:
            self._left -= 1
            raise KeyboardInterrupt
        return super().wait(timeout_s)


def assert_every_file_is_as_measured(workspace: Workspace) -> None:
    """There is a front, and each of its files has the bytes that were measured."""
    assert load_front(workspace, "s")
    for trial in load_store(workspace, "s").stored_trials():
        if isinstance(trial.outcome, CheckpointOf | Measured):
            assert (workspace.folder / trial.outcome.model).stat().st_size == trial.outcome.measurement.size_bytes
        if isinstance(trial.outcome, CheckpointOf):
            assert 0 < trial.outcome.epochs < 9 and not trial.counts_against_budget


def resume(workspace: Workspace, epochs: dict[str, int]) -> None:
    """The same command again finds every checkpoint, and ends with all trials."""
    again, watcher = ScriptedEngine(), RecordingObserver()
    again.epochs = dict(epochs)
    run_search(study(**HALVING), workspace, watcher, again)
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert not any(t.is_open for t in load_store(workspace, "s").stored_trials())


KILLED = sorted(random.Random(0).sample(range(3, 27), 6))
INTERRUPTED = sorted(random.Random(1).sample(range(2, 27), 5))


@pytest.mark.parametrize("moment", slow_after(2, KILLED, thorough=4))
def test_a_search_killed_at_any_moment_has_a_front_and_loses_nothing(workspace: Workspace, moment: int) -> None:
    engine = ScriptedEngine(break_after=moment)
    with pytest.raises(Killed):
        run_search(study(**HALVING), workspace, None, engine)
    assert_every_file_is_as_measured(workspace)
    resume(workspace, engine.epochs)


@pytest.mark.parametrize("moment", slow_after(2, INTERRUPTED, thorough=4))
def test_ctrl_c_at_any_moment_ends_with_a_front_and_loses_nothing(workspace: Workspace, moment: int) -> None:
    watcher, engine = RecordingObserver(), Interrupted(after=moment)
    run_search(study(**HALVING), workspace, watcher, engine)
    assert watcher.summary is not None and watcher.summary.reason == "interrupted"
    stored = load_store(workspace, "s").stored_trials()
    assert not any(t.is_open for t in stored) and any(isinstance(t.outcome, Suspended) for t in stored)
    assert_every_file_is_as_measured(workspace)
    resume(workspace, engine.epochs)


@pytest.mark.parametrize("moment", [3, 8, 20])
def test_time_at_any_moment_ends_with_a_front_and_loses_nothing(workspace: Workspace, clock: Clock, moment: int) -> None:
    class Slow(ScriptedEngine):
        """Takes seconds for one event, so that the time runs out."""

        def wait(self, timeout_s: float) -> list[Event]:
            if self._events == moment:
                clock.now += 60.0
            return super().wait(timeout_s)

    engine, timed = Slow(), HALVING | {"budget": HALVING["budget"] | {"time": "60s"}}
    run_search(study(**timed), workspace, None, engine, began=0.0)
    assert_every_file_is_as_measured(workspace)
    resume(workspace, engine.epochs)


def test_a_file_at_a_rung_is_not_the_end_of_its_training(workspace: Workspace) -> None:
    run_search(study(**HALVING), workspace, None, ScriptedEngine())
    trials = {t.number: t for t in load_store(workspace, "s").stored_trials()}
    exported = {(t.digest, t.outcome.epochs): t.outcome.trial for t in trials.values() if isinstance(t.outcome, CheckpointOf)}
    assert len(exported) == len(checkpoints(workspace)) > 0, "none is exported twice"
    assert all(isinstance(trials[number].outcome, Measured | Stopped) for number in exported.values())


def test_ctrl_c_in_a_long_epoch_exports_the_checkpoint_of_the_one_before(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Stuck(ScriptedEngine):
        """Each training ends its first epoch and never its second."""

        def wait(self, timeout_s: float) -> list[Event]:
            if self.epochs:
                time.sleep(min(timeout_s, 0.01))
                if len(self.epochs) == 2:
                    self.epochs["interrupted"] = 0
                    raise KeyboardInterrupt
            waiting = [(number, job) for number, job in self._open if job.architecture.digest not in self.epochs]
            self.epochs |= {job.architecture.digest: 1 for _, job in waiting}
            return [EpochFinished(number, EpochReport(1, job.epochs, 1.0, 0.4, 0.2, 60.0)) for number, job in waiting]

    def run_trial(job: TrialJob, report: object) -> Candidate:
        assert job.export_only and engine.closed, "nothing trains it any more"
        return engine._candidates(job)

    engine = Stuck()
    monkeypatch.setattr(checkpoint_exports, "run_trial", run_trial)
    monkeypatch.setattr(ending, "GRACE_S", 0.1)
    run_search(
        study(budget={"trials": 5, "epochs": 9}, search={"sampler": "random", "early_stopping": "none"}),
        workspace,
        None,
        engine,
    )
    assert load_front(workspace, "s")
    assert {t.outcome.epochs for t in checkpoints(workspace) if isinstance(t.outcome, CheckpointOf)} == {1}
    assert sum(isinstance(t.outcome, Suspended) for t in load_store(workspace, "s").stored_trials()) == 2


def test_a_second_ctrl_c_ends_it_at_once(workspace: Workspace) -> None:
    with pytest.raises(KeyboardInterrupt):
        run_search(study(**HALVING), workspace, None, engine := Interrupted(after=3, twice=True))
    watcher, again = RecordingObserver(), ScriptedEngine()
    again.epochs = dict(engine.epochs)
    run_search(study(**HALVING), workspace, watcher, again)
    assert watcher.summary is not None and watcher.summary.finished == 18


def test_what_does_not_read_is_not_exported(workspace: Workspace) -> None:
    class Illiterate(ScriptedEngine):
        """Nothing reads before the last epoch."""

        def wait(self, timeout_s: float) -> list[Event]:
            return [_unread(event) for event in super().wait(timeout_s)]

    def _unread(event: Any) -> Any:
        from dataclasses import replace

        report = getattr(event, "report", None)
        return event if report is None or report.epoch == report.epochs else replace(event, report=replace(report, cer=0.6))

    run_search(study(**HALVING), workspace, None, Illiterate())
    assert not checkpoints(workspace) and load_points(workspace, "s")


def test_a_file_that_would_be_dominated_is_not_made(workspace: Workspace) -> None:
    run_search(study(**HALVING), workspace, None, ScriptedEngine())
    earlier: list[tuple[float, int]] = []
    for trial in checkpoints(workspace):  # in the order in which they were measured
        measured = trial.measurement
        assert measured is not None
        assert not any(a >= measured.accuracy and size <= measured.size_bytes for a, size in earlier)
        earlier.append((measured.accuracy, measured.size_bytes))
