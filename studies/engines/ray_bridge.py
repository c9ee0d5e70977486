"""Two queues between the driver's thread and Ray Tune's thread: training requests to Tune, events to the driver."""

from __future__ import annotations

import json
import queue
import threading
from collections import deque
from typing import Any

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.engines.remote_worker import candidate_from_json, report_from_json


class TuneBridge:
    """Passes training requests to Ray Tune and events back to the driver. All methods are thread-safe.

    Attributes:
        events: events for the driver, oldest first.
        closing: set once the search is over.
    """

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._new: deque[dict[str, Any]] = deque()
        self._until: dict[int, int | None] = {}
        self._open: set[int] = set()

    def __reduce__(self) -> tuple[type[TuneBridge], tuple[()]]:
        """Pickles an empty bridge: Tune pickles every object that it is given, but never needs the copy."""
        return (TuneBridge, ())

    # called by the driver's thread

    def submit(self, number: int, request: dict[str, Any], until_epoch: int | None) -> None:
        """Queues a trial for Tune.

        Args:
            number: the trial's number.
            request: the result of `studies.engines.remote_worker.training_request`.
            until_epoch: the epoch after which the trial pauses; None trains to the end.
        """
        with self._changed:
            self._open.add(number)
            self._until[number] = until_epoch
            self._new.append(request)
            self._changed.notify_all()

    def stop(self, number: int) -> None:
        """Makes a trial pause after its current epoch."""
        with self._changed:
            self._until[number] = 0

    def close(self) -> None:
        """Ends the search on Tune's side."""
        self.closing.set()
        with self._changed:
            self._changed.notify_all()

    # called by Tune's thread

    def next_request(self, timeout_s: float) -> dict[str, Any] | None:
        """Returns the next training request; None if there is none.

        It waits for a request only if no trial is running, because Tune calls it from the loop that also handles reports.

        Args:
            timeout_s: the longest time to wait, in seconds.
        """
        with self._changed:
            if not self._open and not self.closing.is_set():
                self._changed.wait(timeout_s)
            return self._new.popleft() if self._new else None

    def on_report(self, number: int, message: dict[str, Any]) -> bool:
        """Handles a report of a training.

        Args:
            number: the trial's number.
            message: what `studies.engines.remote_worker.run_on_node` has sent or returned.

        Returns:
            Whether the training continues.
        """
        with self._changed:
            if number not in self._open:
                return False
            if "epoch" in message:
                return self._on_epoch(number, message["epoch"])
            self._open.discard(number)
        if "finished" in message:
            self.events.put(TrialFinished(number, candidate_from_json(message["finished"])))
        else:
            kind, reason = json.loads(message["failed"])
            self.events.put(TrialFailed(number, kind, reason))
        return False

    def on_lost(self, number: int, reason: str) -> None:
        """Reports that the process of a trial has died, unless the trial has ended already."""
        with self._changed:
            was_open = number in self._open
            self._open.discard(number)
        if was_open:
            self.events.put(TrialLost(number, reason))

    def _on_epoch(self, number: int, message: str) -> bool:
        """Reports a finished epoch; pauses the trial if it has reached `until_epoch`."""
        report = report_from_json(message)
        self.events.put(EpochFinished(number, report))
        until = self._until[number]
        if until is None or report.epoch < until or report.epoch >= report.epochs:
            return True
        self._open.discard(number)
        self.events.put(TrialPaused(number, report.epoch))
        return False
