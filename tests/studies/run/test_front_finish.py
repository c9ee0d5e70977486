"""When a search ends, each training on the front gets its finish, whose files replace those of before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from studies.definition.study import Study
from studies.engines.base import Event, TrialFailed, TrialFinished
from studies.storage.front_point import FrontPoint
from studies.storage.outcomes import Suspended
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from testing.timed_engine import Clock, TimedEngine, clock
from trainers.base.candidate import Candidate
from trainers.trial.run import TrialJob

__all__ = ["clock"]

RECIPE = {"preset": "anytime", "finish_epochs": 1}


class Finishing(ScriptedEngine):
    """Trainings leave checkpoints; a finish adds `gain` to the accuracy and three bytes to the file."""

    def __init__(self, gain: float = 0.05, **options: Any) -> None:
        super().__init__(**options)
        self.gain = gain
        self.finished: list[TrialJob] = []

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / "checkpoint.pt").write_bytes(b"x")
        if job.finish:
            self.finished.append(job)
        super().submit(number, job, until_epoch)

    def _candidates(self, job: TrialJob) -> Candidate:
        made = super()._candidates(job)
        files = [self._finished(file) if job.finish else file for file in (made, *made.also)]
        return replace(files[0], also=tuple(files[1:]))

    def _finished(self, file: Candidate) -> Candidate:
        measured = file.measurement
        better, size_bytes = min(1.0, measured.accuracy + self.gain), measured.size_bytes + 3
        file.model.write_bytes(b"y" * size_bytes)
        return replace(
            file, measurement=replace(measured, accuracy=better, size_bytes=size_bytes, cer=(1 - better) / 2, finish_lines=2000)
        )


def finished_study(**changes: Any) -> Study:
    return study(**({"recipe": RECIPE} | changes))


def files(points: list[FrontPoint]) -> list[tuple[int, bool]]:
    return [(point.architecture["width_percent"], bool(point.finish_lines)) for point in points]


def test_the_front_is_finished_and_shows_each_training_once(workspace: Workspace) -> None:
    watcher, engine = RecordingObserver(), Finishing()
    run_search(finished_study(), workspace, watcher, engine)
    front = load_front(workspace, "s")
    assert front and all(point.finish_lines == 2000 and point.stage == "after its finish" for point in front)
    assert len(engine.finished) == 5, "all are on the front before"
    assert all(point.model.endswith("-epoch-2-finished.onnx") for point in front)
    assert watcher.summary is not None and watcher.summary.finished == 5
    assert "finishing the front: 5 trainings on it get one more epoch at a falling learning rate" in watcher.notes
    assert sum("after its finish" in note for note in watcher.notes) == 5


def test_it_is_not_finished_twice(workspace: Workspace) -> None:
    run_search(finished_study(), workspace, None, Finishing())
    before = len(load_points(workspace, "s"))
    again = Finishing()
    run_search(finished_study(), workspace, None, again)
    assert not again.finished and len(load_points(workspace, "s")) == before


def test_a_training_that_is_continued_is_finished_again(workspace: Workspace) -> None:
    run_search(finished_study(), workspace, None, first := Finishing(best_after=6))
    longer, again = finished_study(budget={"trials": 5, "epochs": 6}), Finishing(best_after=6)
    again.epochs = dict(first.epochs)
    run_search(longer, workspace, None, again)
    assert again.finished
    assert {point.epochs_trained for point in load_front(workspace, "s") if point.finish_lines} == {6}


def test_a_finish_that_reads_worse_replaces_nothing_and_is_not_tried_again(workspace: Workspace) -> None:
    """The files of the scripted engine do not say which lines they read, so that a lower accuracy is taken for worse."""
    run_search(finished_study(), workspace, None, engine := Finishing(gain=-0.05))
    assert engine.finished and not any(point.finish_lines for point in load_front(workspace, "s"))
    run_search(finished_study(), workspace, None, again := Finishing(gain=-0.05))
    assert not again.finished


def test_a_large_step_that_does_not_read_without_a_finish_is_tried_with_one(workspace: Workspace) -> None:
    class Coarse(Finishing):
        """Files of coded_80 read nothing without a finish."""

        def _candidates(self, job: TrialJob) -> Candidate:
            made = super()._candidates(job)
            both = [self._spoilt(file) for file in (made, *made.also)]
            return replace(both[0], also=tuple(both[1:]))

        def _spoilt(self, file: Candidate) -> Candidate:
            size_bytes = 100 * file.measurement.size_bytes  # larger than the estimates, which are those of real networks
            file.model.write_bytes(b"x" * size_bytes)
            measured = replace(file.measurement, size_bytes=size_bytes)
            if file.architecture.precision == "coded_80" and not measured.finish_lines:
                measured = replace(measured, accuracy=0.0, cer=1.0)
            return replace(file, measurement=measured)

    space = {"width_percent": [25, 100], "encoder_hidden": [24, 48], "precision": ["int8", "coded_80"]}
    engine = Coarse()
    run_search(finished_study(space=space, budget={"trials": 4, "epochs": 2}), workspace, None, engine)
    assert {point.architecture["precision"] for point in load_front(workspace, "s")} == {"coded_80"}, "it reads as well in less"
    assert all("coded_80" in job.only_in for job in engine.finished)


@pytest.mark.parametrize("recipe", ["paretext", {"preset": "anytime", "finish_epochs": 0}])
def test_a_cosine_has_its_falling_rate_and_zero_epochs_are_none(workspace: Workspace, recipe: Any) -> None:
    engine = Finishing()
    run_search(finished_study(recipe=recipe), workspace, None, engine)
    assert not engine.finished


def test_a_training_without_a_checkpoint_keeps_its_file(workspace: Workspace) -> None:
    watcher = RecordingObserver()
    run_search(finished_study(), workspace, watcher, ScriptedEngine())
    assert load_front(workspace, "s") and not any("finish" in note for note in watcher.notes)


def test_a_finish_that_fails_is_said_and_changes_nothing(workspace: Workspace) -> None:
    class Failing(Finishing):
        """Each finish fails."""

        def wait(self, timeout_s: float) -> list[Event]:
            return [self._failed(event) for event in super().wait(timeout_s)]

        def _failed(self, event: Event) -> Event:
            of_finish = isinstance(event, TrialFinished) and event.candidate.measurement.finish_lines
            return TrialFailed(event.number, "oom", "out of memory") if of_finish else event

    watcher = RecordingObserver()
    run_search(finished_study(), workspace, watcher, Failing())
    assert files(load_front(workspace, "s")) and not any(finished for _, finished in files(load_front(workspace, "s")))
    assert any("could not be finished: out of memory" in note for note in watcher.notes)


class Ended(Finishing):
    """Something ends the search when the second finish has ended."""

    def __init__(self, error: type[BaseException]) -> None:
        super().__init__(slots=1)
        self._error: type[BaseException] | None = error

    def wait(self, timeout_s: float) -> list[Event]:
        if len(self.finished) == 2 and self._error is not None:
            error, self._error = self._error, None
            raise error
        return super().wait(timeout_s)


@pytest.mark.parametrize("error", [KeyboardInterrupt, Killed])
def test_an_end_in_the_middle_loses_nothing_and_the_next_run_finishes_the_rest(
    workspace: Workspace, error: type[BaseException]
) -> None:
    watcher, engine, halving = RecordingObserver(), Ended(error), HALVING | {"recipe": RECIPE}
    if error is Killed:
        with pytest.raises(Killed):
            run_search(study(**halving), workspace, watcher, engine)
    else:
        run_search(study(**halving), workspace, watcher, engine)
        assert watcher.summary is not None and watcher.summary.reason == "interrupted"
    assert sum(bool(point.finish_lines) for point in load_front(workspace, "s")) == 1
    again = Finishing()
    again.epochs = dict(engine.epochs)
    run_search(study(**halving), workspace, watcher, again)
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert all(finished for _, finished in files(load_front(workspace, "s")))
    assert not any(t.is_open for t in load_store(workspace, "s").stored_trials())


def test_a_paused_training_is_finished_where_it_stands(workspace: Workspace) -> None:
    engine = Finishing()
    changed = HALVING["budget"] | {"total_epochs": 20}
    run_search(study(**HALVING | {"recipe": RECIPE, "budget": changed}), workspace, None, engine)
    stored = load_store(workspace, "s").stored_trials()
    assert any(isinstance(trial.outcome, Suspended) for trial in stored)
    finished = [point for point in load_front(workspace, "s") if point.finish_lines]
    assert any(point.stage == f"after {point.epochs_trained} of 9 epochs and its finish" for point in finished)


@pytest.mark.parametrize(("seconds", "are_finished"), [(10.0, True), (200.0, False)])
def test_time_is_reserved_for_it_but_not_too_much(
    workspace: Workspace, clock: Clock, seconds: float, are_finished: bool
) -> None:
    class Timed(TimedEngine):
        """Leaves checkpoints, and finishes in no time."""

        finished = 0

        def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
            job.folder.mkdir(parents=True, exist_ok=True)
            (job.folder / "checkpoint.pt").write_bytes(b"x")
            self.finished += job.finish
            super().submit(number, job, until_epoch)

    engine = Timed(clock, lambda _: seconds)
    budget = {"trials": 40, "epochs": 30, "time": "20m"}
    run_search(finished_study(budget=budget), workspace, None, engine, began=0.0)
    assert bool(engine.finished) == are_finished and clock.now <= 1210
