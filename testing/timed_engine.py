"""An engine with a simulated clock: trainings take the time that a test sets, so a search of hours runs in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from search_space import Architecture
from studies.engines.base import EpochFinished, Event, TrialFinished, TrialPaused
from testing.scripted_engine import ScriptedEngine, accuracy_of
from trainers.base.progress import EpochReport
from trainers.trial.run import TrialJob


class Clock:
    """Stands in for the module `time` in `studies.run.budget`."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock at 0 that a search looks at instead of the real one, if its `began` is 0."""
    clock = Clock()
    monkeypatch.setattr("studies.run.budget.time", clock)
    return clock


@dataclass
class _Open:
    number: int
    job: TrialJob
    until: int
    ends: float


class TimedEngine(ScriptedEngine):
    """Reports an epoch at a time, in the order in which they end on the clock.

    Args:
        clock: is moved to the end of what is reported.
        seconds: of an epoch of an architecture.
        slots: trainings at the same time.
        export_s: seconds that an export takes.

    Attributes:
        starts: architecture, epoch from which it is trained, and when, in the order of the starts.
    """

    def __init__(self, clock: Clock, seconds: Callable[[Architecture], float], slots: int = 2, export_s: float = 0.0) -> None:
        super().__init__(slots)
        self.starts: list[tuple[Architecture, int, float]] = []
        self._clock, self._seconds, self._export_s = clock, seconds, export_s
        self._jobs: list[_Open] = []

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        assert len(self._jobs) < self.slots
        took = self._export_s if job.export_only else self._seconds(job.architecture)
        if not job.export_only:
            self.starts.append((job.architecture, self.epochs.get(job.architecture.digest, 0), self._clock.now))
        self._jobs.append(_Open(number, job, until_epoch or job.epochs, self._clock.now + took))

    def wait(self, timeout_s: float) -> list[Event]:
        first = min(self._jobs, key=lambda each: each.ends, default=None)
        if first is None or first.ends > self._clock.now + timeout_s:
            self._clock.now += timeout_s
            return []
        self._clock.now = max(self._clock.now, first.ends)
        self._jobs.remove(first)
        if first.job.export_only:
            return [TrialFinished(first.number, self._candidates(first.job))]
        return self._epoch(first)

    def _epoch(self, first: _Open) -> list[Event]:
        job, digest, took = first.job, first.job.architecture.digest, self._seconds(first.job.architecture)
        epoch = self.epochs[digest] = self.epochs.get(digest, 0) + 1
        accuracy = accuracy_of(job.architecture) * epoch / job.epochs
        report = EpochFinished(first.number, EpochReport(epoch, job.epochs, 1.0, accuracy, (1 - accuracy) / 2, took))
        if epoch == job.epochs:
            self.trained.append(digest)
            return [report, TrialFinished(first.number, self._candidates(job))]
        late = job.pause_by is not None and self._clock.now + took >= job.pause_by
        if epoch >= first.until or late or first.number in self._stopped:
            return [report, TrialPaused(first.number, epoch)]
        first.ends = self._clock.now + took
        self._jobs.append(first)
        return [report]
