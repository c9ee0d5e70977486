"""Trains in a pool of worker processes on this machine, one training per process.

Decisions:
- Each worker has one thread: on two cores, two trainings of one thread do 1.6 times the work of one training of two threads.
- Workers come from a fork server that has imported torch and what trainings need, where there is one
  (`trainers.base.worker_processes`). They start when the first training does, so that the driver does not wait for these
  imports while it prepares the data. They are reused.
- A worker ends itself as soon as its driver is gone, so a killed search leaves no process that still writes.
- A worker that dies is replaced. Its trial is reported as lost, and the checkpoint is kept.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import queue
import signal
import threading
from dataclasses import dataclass, replace
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import TYPE_CHECKING

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.engines.catalog import engines
from trainers.base.cores import usable_cores
from trainers.base.errors import fault_of
from trainers.base.progress import EpochReport, Paused
from trainers.base.worker_processes import start_fork_server, start_worker
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

if TYPE_CHECKING:
    from studies.definition.sections import Search


@dataclass(frozen=True)
class _Train:
    """A message to a worker: train this trial."""

    number: int
    job: TrialJob
    until_epoch: int | None


@dataclass(frozen=True)
class _Stop:
    """A message to a worker: pause this trial after its current epoch."""

    number: int


@dataclass
class _Worker:
    """A worker process, the driver's end of its pipe, and the number of its trial (None while it is idle)."""

    process: BaseProcess
    pipe: Connection
    number: int | None = None


class LocalEngine:
    """Trains on the cores of this machine (an `Engine`).

    Args:
        workers: number of worker processes; None means one per core that this process may use.
        run: the function that a worker calls with a job. The worker process must be able to import it.
    """

    def __init__(self, workers: int | None = None, run: TrialRunner = resume_trial) -> None:
        self.slots, self._run = workers or usable_cores(), run
        self._workers: list[_Worker] = []
        atexit.register(self.close)  # before multiprocessing waits for its processes, which do not end by SIGTERM
        if not start_fork_server():
            self.start()  # they import torch while the driver prepares the data

    @property
    def processes(self) -> list[BaseProcess]:
        """The worker processes that have been started."""
        return [worker.process for worker in self._workers]

    def start(self) -> None:
        """Starts the workers unless they have been started; the first `submit` does so, too."""
        if not self._workers:
            self._workers = [self._start_worker() for _ in range(self.slots)]

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        self.start()
        worker = next(w for w in self._workers if w.number is None)
        worker.number = number
        # if the worker died while it was idle, the next `wait` notices and reports it
        with contextlib.suppress(OSError):
            worker.pipe.send(_Train(number, job, until_epoch))

    def stop(self, number: int) -> None:
        for worker in self._workers:
            if worker.number == number:
                with contextlib.suppress(OSError):
                    worker.pipe.send(_Stop(number))

    def wait(self, timeout_s: float) -> list[Event]:
        ready = wait([w.pipe for w in self._workers] + [w.process.sentinel for w in self._workers], timeout_s)
        events: list[Event] = []
        for index, worker in enumerate(self._workers):
            if worker.pipe in ready or worker.process.sentinel in ready:
                events += self._drain(worker, index)
                if not worker.process.is_alive():
                    events += self._drain(worker, index)  # what it sent between the first read and its end
                    if worker.number is not None:
                        events.append(TrialLost(worker.number, _how_it_ended(worker.process.exitcode)))
                    worker.pipe.close()
                    self._workers[index] = self._start_worker()
        return events

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []
        atexit.unregister(self.close)

    def _drain(self, worker: _Worker, index: int) -> list[Event]:
        """Reads all events that a worker has sent; marks it as idle if one of them ends its trial. Reports name its number."""
        events: list[Event] = []
        with contextlib.suppress(EOFError, OSError):
            while worker.pipe.poll():
                event: Event = worker.pipe.recv()
                if isinstance(event, EpochFinished):
                    event = replace(event, report=replace(event.report, worker=str(index + 1)))
                else:
                    worker.number = None
                events.append(event)
        return events

    def _start_worker(self) -> _Worker:
        ours, theirs = Pipe()
        process = start_worker(_serve, theirs, self._run)
        theirs.close()
        return _Worker(process, ours)


UNKNOWN_END = 255
"""What multiprocessing gives as the exit code of a process whose fork server has been killed."""


def _how_it_ended(code: int | None) -> str:
    """Says how a worker process ended, and what may have caused it."""
    said = f"its worker process ended with code {code}"
    if code == UNKNOWN_END:
        said = "the fork server of its worker process has been killed"
    if code in (-signal.SIGKILL, UNKNOWN_END):
        return f"{said}; the system kills it so where memory is short: fewer --workers take less"
    return said


@engines.register("local")
def local_engine(search: Search) -> LocalEngine:
    """Starts the local engine with `workers` of the `[search]` settings."""
    return LocalEngine(search.workers)


def _serve(pipe: Connection, run: TrialRunner) -> None:
    """Main loop of a worker: trains one job after the other and sends events to the driver."""
    # Ctrl-C reaches all processes of a terminal, SIGTERM those of a service or a job; only the driver acts on them
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    requests: queue.Queue[_Train] = queue.Queue()
    stopped: set[int] = set()
    threading.Thread(target=_listen, args=(pipe, requests, stopped), daemon=True).start()
    if run is resume_trial:
        import torch  # noqa: F401  # ready while the driver prepares the data; other functions may not need torch

    while True:
        request = requests.get()
        pipe.send(_train(request, pipe, stopped, run))


def _listen(pipe: Connection, requests: queue.Queue[_Train], stopped: set[int]) -> None:
    """Receives messages while the main thread trains. Ends the process if the driver has closed the pipe or died."""
    try:
        while True:
            request: _Train | _Stop = pipe.recv()
            if isinstance(request, _Stop):
                stopped.add(request.number)
            else:
                stopped.discard(request.number)
                requests.put(request)
    except (EOFError, OSError):
        os._exit(1)


def _train(request: _Train, pipe: Connection, stopped: set[int], run: TrialRunner) -> Event:
    """Trains one trial, sends its epochs, and returns the event that ends it."""

    def report(epoch_report: EpochReport) -> bool:
        pipe.send(EpochFinished(request.number, epoch_report))
        return request.number not in stopped

    try:
        outcome = run(request.job, report, request.until_epoch)
    except Exception as error:  # the worker continues after any error; the driver decides what becomes of the trial
        fault = fault_of(error)
        return TrialFailed(request.number, fault.kind, fault.reason)
    if isinstance(outcome, Paused):
        return TrialPaused(request.number, outcome.epoch)
    return TrialFinished(request.number, outcome)
