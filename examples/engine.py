"""An engine in one file: one training at a time, in a thread of the driver's process. See docs/extending-engines.md."""

from __future__ import annotations

import queue
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialPaused
from trainers.base.errors import fault_of
from trainers.base.progress import EpochReport, Paused
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

if TYPE_CHECKING:
    from studies.definition.sections import Search


class InProcessEngine:
    """Trains in a thread.

    Args:
        run: what is done with a job.
    """

    slots = 1

    def __init__(self, run: TrialRunner = resume_trial) -> None:
        self._run, self._closing = run, False
        self._events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self._stopped: set[int] = set()
        self._thread = ThreadPoolExecutor(1, "in-process-engine")

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        self._stopped.discard(number)
        self._thread.submit(lambda: self._events.put(self._train(number, job, until_epoch)))

    def stop(self, number: int) -> None:
        self._stopped.add(number)

    def wait(self, timeout_s: float) -> list[Event]:
        events: list[Event] = []
        try:
            events.append(self._events.get(timeout=max(0.0, timeout_s)))
            while True:
                events.append(self._events.get_nowait())
        except queue.Empty:
            return events

    def close(self) -> None:
        self._closing = True  # a thread cannot be killed: its training ends with its epoch
        self._thread.shutdown(cancel_futures=True)

    def _train(self, number: int, job: TrialJob, until_epoch: int | None) -> Event:
        def report(epoch: EpochReport) -> bool:
            self._events.put(EpochFinished(number, epoch))
            return not self._closing and number not in self._stopped

        try:
            outcome = self._run(job, report, until_epoch)
        except Exception as error:  # the driver decides what becomes of the trial
            fault = fault_of(error)
            return TrialFailed(number, fault.kind, fault.reason)
        return TrialPaused(number, outcome.epoch) if isinstance(outcome, Paused) else TrialFinished(number, outcome)


def in_process(search: Search) -> InProcessEngine:
    """Starts the engine for the `[search]` settings of a study, of which it needs none."""
    return InProcessEngine()
