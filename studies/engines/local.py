"""A pool of worker processes on this machine, one training each.

Decisions:
- One thread a worker: two one-thread trainings on two cores do 1.6x the work of one two-thread training.
- Workers are spawned (not forked: torch and its threads do not survive a fork) and kept, since importing torch takes seconds.
- A worker ends itself the moment its driver is gone, so a killed search leaves nothing behind that still writes.
- A worker that dies is replaced; what it was training is reported as lost, and its checkpoint stays.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import TYPE_CHECKING, Any

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.engines.catalog import engines
from trainers.base.cores import usable_cores
from trainers.base.errors import TrainingFault
from trainers.base.progress import EpochReport, Paused
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

if TYPE_CHECKING:
    from studies.definition.sections import Search


@dataclass(frozen=True)
class _Train:
    """An order to a worker: train this."""

    number: int
    job: TrialJob
    until_epoch: int | None


@dataclass(frozen=True)
class _Stop:
    """An order to a worker: pause this after its epoch."""

    number: int


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    number: int | None = None
    events: list[Event] = field(default_factory=list)


class LocalEngine:
    """Trains on this machine's cores.

    Args:
        workers: processes that train at the same time; None means one per core this process may use.
        run: what a worker does with a job; a function that its process can import.
    """

    def __init__(self, workers: int | None = None, run: TrialRunner = resume_trial) -> None:
        self._context, self._run = multiprocessing.get_context("spawn"), run
        self._workers = [self._spawn() for _ in range(workers or usable_cores())]

    @property
    def slots(self) -> int:
        return len(self._workers)

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        worker = next(w for w in self._workers if w.number is None)
        worker.number = number
        # a worker that died while idle is noticed and reported by the next wait
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
                events += self._drain(worker)
                if not worker.process.is_alive():
                    events += self._drain(worker)  # what it said between the first look and its end
                    if worker.number is not None:
                        code = worker.process.exitcode
                        events.append(TrialLost(worker.number, f"its worker process ended with code {code}"))
                    worker.pipe.close()
                    self._workers[index] = self._spawn()
        return events

    def close(self) -> None:
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers = []

    def _drain(self, worker: _Worker) -> list[Event]:
        events: list[Event] = []
        with contextlib.suppress(EOFError, OSError):
            while worker.pipe.poll():
                event: Event = worker.pipe.recv()
                events.append(event)
                if not isinstance(event, EpochFinished):
                    worker.number = None
        return events

    def _spawn(self) -> _Worker:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, self._run), daemon=True, name="paretext-worker")
        with _one_thread_each():
            process.start()
        theirs.close()
        return _Worker(process, ours)


@engines.register("local")
def local_engine(search: Search) -> LocalEngine:
    """Starts the worker processes that a study asks for."""
    return LocalEngine(search.workers)


@contextlib.contextmanager
def _one_thread_each() -> Any:
    """Starts children with single-threaded math libraries; the setting is read when they are loaded."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
    before = {name: os.environ.get(name) for name in names}
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _serve(pipe: Connection, run: TrialRunner) -> None:
    """Worker main loop: trains one job after the other and sends events to the driver."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the driver decides
    orders: queue.Queue[_Train] = queue.Queue()
    stopped: set[int] = set()
    threading.Thread(target=_listen, args=(pipe, orders, stopped), daemon=True).start()
    if run is resume_trial:
        import torch  # noqa: F401  # while the driver still looks at the data; other functions may need none

    while True:
        order = orders.get()
        pipe.send(_train(order, pipe, stopped, run))


def _listen(pipe: Connection, orders: queue.Queue[_Train], stopped: set[int]) -> None:
    """Receives messages while the main thread trains; ends the process when the driver has closed the pipe or died."""
    try:
        while True:
            order: _Train | _Stop = pipe.recv()
            if isinstance(order, _Stop):
                stopped.add(order.number)
            else:
                stopped.discard(order.number)
                orders.put(order)
    except (EOFError, OSError):
        os._exit(1)


def _train(order: _Train, pipe: Connection, stopped: set[int], run: TrialRunner) -> Event:
    def report(epoch_report: EpochReport) -> bool:
        pipe.send(EpochFinished(order.number, epoch_report))
        return order.number not in stopped

    try:
        outcome = run(order.job, report, order.until_epoch)
    except TrainingFault as fault:
        return TrialFailed(order.number, fault.kind, fault.reason)
    except MemoryError:
        return TrialFailed(order.number, "oom", "out of memory")
    except Exception as error:  # a faulty candidate fails alone; the study goes on
        return TrialFailed(order.number, "error", f"{type(error).__name__}: {error}".splitlines()[0])
    if isinstance(outcome, Paused):
        return TrialPaused(order.number, outcome.epoch)
    return TrialFinished(order.number, outcome)
