"""An engine that runs no-op trainings in the driver's process: only the driver's time and memory are measured."""

from __future__ import annotations

from collections import deque

from benchmarks.overhead.no_op import no_op
from studies.engines.base import EpochFinished, Event, TrialFinished, TrialPaused
from trainers.base.progress import EpochReport, Paused
from trainers.trial.run import TrialJob


class InlineEngine:
    """Runs one training for each call of `wait`.

    Args:
        slots: trainings that may be submitted at a time; they run one after the other.
    """

    def __init__(self, slots: int = 2) -> None:
        self.slots = slots
        self._open: deque[tuple[int, TrialJob, int | None]] = deque()

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        self._open.append((number, job, until_epoch))

    def stop(self, number: int) -> None:
        """Does nothing: a training ends as soon as it begins."""

    def wait(self, timeout_s: float) -> list[Event]:
        if not self._open:
            return []
        number, job, until_epoch = self._open.popleft()
        events: list[Event] = []

        def report(epoch: EpochReport) -> bool:
            events.append(EpochFinished(number, epoch))
            return True

        outcome = no_op(job, report, until_epoch)
        ended = TrialPaused(number, outcome.epoch) if isinstance(outcome, Paused) else TrialFinished(number, outcome)
        return [*events, ended]

    def close(self) -> None:
        """Does nothing: no process runs."""
