"""Tests that every engine must pass; inherit `EngineContract` and say how an engine is made."""

from __future__ import annotations

import errno
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search_space import Architecture
from studies.engines.base import Engine, EpochFinished, Event, TrialFailed, TrialFinished, TrialPaused
from trainers.base.candidate import Candidate, Measurement
from trainers.base.errors import TrainingFault, UserError
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.data.spec import DataSpec
from trainers.trial.run import TrialJob, TrialRunner

PATIENCE_S = 60.0
"""How long an event may take: a worker process that is started first imports what it needs."""
LONG = 10_000
"""Epochs of a training that does not end by itself within a test; one takes 10 ms."""
NAN_SEED, BROKEN_SEED, FULL_SEED, AWAY_SEED = 1, 2, 3, 4
"""Seeds with which `count_epochs` raises a TrainingFault, an exception that nobody expects, and what a full disk and a missing
data source raise."""


def count_epochs(job: TrialJob, report: Report, until_epoch: int | None) -> Candidate | Paused:
    """Takes the place of `trainers.trial.run.resume_trial` without torch: an epoch adds a line to a file, its checkpoint."""
    if job.seed == NAN_SEED:
        raise TrainingFault("nan", "the loss is not finite")
    if job.seed == BROKEN_SEED:
        raise KeyError("broken")
    if job.seed == FULL_SEED:
        raise OSError(errno.ENOSPC, "no space left on device")
    if job.seed == AWAY_SEED:
        raise UserError("the folder /data/lines is not there")
    job.folder.mkdir(parents=True, exist_ok=True)
    checkpoint = job.folder / "checkpoint.txt"
    done = epochs_in(job.folder)
    history = [_report(epoch, job.epochs) for epoch in range(1, done + 1)]
    while len(history) < min(until_epoch or job.epochs, job.epochs):
        time.sleep(0.01)
        history.append(_report(len(history) + 1, job.epochs))
        with checkpoint.open("a", encoding="utf-8") as file:
            file.write(f"{len(history)}\n")
        if not report(history[-1]) and len(history) < job.epochs:
            return Paused(tuple(history), stopped=True)
    if len(history) < job.epochs:
        return Paused(tuple(history), stopped=False)
    model = job.folder / "model.onnx"
    model.write_bytes(b"weights")
    return Candidate(job.architecture, Measurement(0.5, 0.1, 1000, 1.0, 250, 60, 9000), model)


def epochs_in(folder: Path) -> int:
    """How many epochs the checkpoint of `count_epochs` holds."""
    checkpoint = folder / "checkpoint.txt"
    return len(checkpoint.read_text(encoding="utf-8").splitlines()) if checkpoint.exists() else 0


class EngineContract:
    """Override `make`."""

    def make(self, run: TrialRunner) -> Engine:
        """An engine that does with its jobs what `run` does; a function of a module, which another process may import."""
        raise NotImplementedError

    def test_as_many_trials_run_as_there_are_slots(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            numbers = range(10, 10 + engine.slots)
            assert len(numbers) >= 1
            for number in numbers:
                engine.submit(number, job(tmp_path / str(number), epochs=3))
            seen: list[Event] = []
            while sum(isinstance(event, TrialFinished) for event in seen) < len(numbers):
                seen += until_ended(engine)
            assert sorted(event.number for event in seen if isinstance(event, TrialFinished)) == list(numbers)
            for number in numbers:
                assert epochs_of(seen, number) == [1, 2, 3]

    def test_a_trial_reports_each_epoch_and_ends_with_its_candidate(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            asked = job(tmp_path / "trial", epochs=4)
            engine.submit(7, asked)
            *epochs, end = until_ended(engine)
            assert [type(event) for event in epochs] == [EpochFinished] * 4 and epochs_of(epochs, 7) == [1, 2, 3, 4]
            assert isinstance(end, TrialFinished) and end.number == 7
            assert end.candidate.architecture == asked.architecture and end.candidate.model.is_file()

    def test_a_trial_pauses_where_it_is_sent_to_and_resumes_from_there(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            asked = job(tmp_path / "trial", epochs=5)
            engine.submit(7, asked, until_epoch=2)
            first = until_ended(engine)
            assert first[-1] == TrialPaused(7, 2) and epochs_of(first, 7) == [1, 2]
            engine.submit(7, asked, until_epoch=3)
            second = until_ended(engine)
            assert second[-1] == TrialPaused(7, 3) and epochs_of(second, 7) == [3]
            engine.submit(7, asked)
            third = until_ended(engine)
            assert isinstance(third[-1], TrialFinished) and epochs_of(third, 7) == [4, 5]

    def test_a_stopped_trial_pauses_after_its_epoch_and_can_be_resumed(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            asked = job(tmp_path / "trial", epochs=LONG)
            engine.submit(7, asked)
            seen = until_ended(engine, EpochFinished)
            engine.stop(7)
            seen += until_ended(engine)
            end = seen[-1]
            assert isinstance(end, TrialPaused) and 1 <= end.epoch < LONG
            assert epochs_of(seen, 7) == list(range(1, end.epoch + 1)) and epochs_in(asked.folder) == end.epoch
            engine.submit(7, asked, until_epoch=end.epoch + 2)
            assert until_ended(engine)[-1] == TrialPaused(7, end.epoch + 2), "the order to stop is forgotten"

    def test_a_trial_that_fails_says_why_and_the_engine_continues(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            engine.submit(1, job(tmp_path / "1", epochs=3, seed=NAN_SEED))
            assert until_ended(engine) == [TrialFailed(1, "nan", "the loss is not finite")]
            engine.submit(2, job(tmp_path / "2", epochs=3, seed=BROKEN_SEED))
            (failed,) = until_ended(engine)
            assert isinstance(failed, TrialFailed) and failed.kind == "error" and "KeyError" in failed.reason
            engine.submit(3, job(tmp_path / "3", epochs=1))
            assert isinstance(until_ended(engine)[-1], TrialFinished)

    def test_a_fault_of_the_machine_is_told_from_one_of_the_trial(self, tmp_path: Path) -> None:
        with self._engine() as engine:
            for number, (seed, words) in enumerate({FULL_SEED: "no space left", AWAY_SEED: "/data/lines is not there"}.items()):
                engine.submit(number, job(tmp_path / str(number), epochs=3, seed=seed))
                (failed,) = until_ended(engine)
                assert isinstance(failed, TrialFailed) and failed.kind == "machine" and words in failed.reason
            engine.submit(3, job(tmp_path / "3", epochs=1))
            assert isinstance(until_ended(engine)[-1], TrialFinished)

    def test_waiting_ends_with_its_time_when_nothing_happens(self) -> None:
        with self._engine() as engine:
            began = time.monotonic()
            assert engine.wait(0.05) == [] and time.monotonic() - began < 5

    def test_closing_ends_trainings_and_keeps_checkpoints(self, tmp_path: Path) -> None:
        engine = self.make(count_epochs)
        try:
            engine.submit(7, job(tmp_path / "trial", epochs=LONG))
            until_ended(engine, EpochFinished)
        finally:
            began = time.monotonic()
            engine.close()
        assert time.monotonic() - began < 30
        held = epochs_in(tmp_path / "trial")
        time.sleep(0.1)
        assert 1 <= held == epochs_in(tmp_path / "trial") < LONG

    @contextmanager
    def _engine(self) -> Iterator[Engine]:
        engine = self.make(count_epochs)
        try:
            yield engine
        finally:
            engine.close()


def job(folder: Path, epochs: int, seed: int = 0) -> TrialJob:
    """A job of `count_epochs`."""
    return TrialJob(Architecture(), DataSpec(training="digits"), folder / "cache", Recipe(), epochs, folder, seed)


def until_ended(engine: Engine, kind: type[Event] | None = None) -> list[Event]:
    """What happens until an event of a kind; by default, until a trial ends."""
    seen: list[Event] = []
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        seen += engine.wait(0.5)
        if any(not isinstance(event, EpochFinished) if kind is None else isinstance(event, kind) for event in seen):
            return seen
    raise AssertionError(f"nothing ended within {PATIENCE_S:g} s; seen: {seen}")


def epochs_of(events: list[Event], number: int) -> list[int]:
    """The epochs that a trial reports."""
    return [event.report.epoch for event in events if isinstance(event, EpochFinished) and event.number == number]


def _report(epoch: int, epochs: int) -> EpochReport:
    return EpochReport(epoch, epochs, 1.0, 0.5, 0.5, 0.01)
