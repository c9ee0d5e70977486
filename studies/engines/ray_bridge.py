"""The queue between the driver's thread and Ray Tune's: orders one way, events the other."""

from __future__ import annotations

import json
import queue
import threading
from collections import deque
from typing import Any

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.engines.remote_worker import candidate_of, report_of


class TuneBridge:
    """Where the driver's thread and Tune's meet: orders one way, events the other."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._new: deque[dict[str, Any]] = deque()
        self._until: dict[int, int | None] = {}
        self._open: set[int] = set()

    def __reduce__(self) -> tuple[type[TuneBridge], tuple[()]]:
        """Tune pickles all that it is given; nothing of a bridge is worth keeping."""
        return (TuneBridge, ())

    # the driver's side

    def submit(self, number: int, order: dict[str, Any], until_epoch: int | None) -> None:
        """Puts a trial in the queue."""
        with self._changed:
            self._open.add(number)
            self._until[number] = until_epoch
            self._new.append(order)
            self._changed.notify_all()

    def stop(self, number: int) -> None:
        """Lets a trial pause after any epoch."""
        with self._changed:
            self._until[number] = 0

    def close(self) -> None:
        self.closing.set()
        with self._changed:
            self._changed.notify_all()

    # Tune's side

    def next_order(self, patience_s: float) -> dict[str, Any] | None:
        """The next order; waits for one only while nothing is open, since whoever asks has other things to do."""
        with self._changed:
            if not self._open and not self.closing.is_set():
                self._changed.wait(patience_s)
            return self._new.popleft() if self._new else None

    def on_report(self, number: int, message: dict[str, Any]) -> bool:
        """Takes in what a training reports; returns whether it trains on."""
        with self._changed:
            if number not in self._open:
                return False
            if "epoch" in message:
                return self._on_epoch(number, message["epoch"])
            self._open.discard(number)
        if "finished" in message:
            self.events.put(TrialFinished(number, candidate_of(message["finished"])))
        else:
            kind, reason = json.loads(message["failed"])
            self.events.put(TrialFailed(number, kind, reason))
        return False

    def on_lost(self, number: int, reason: str) -> None:
        """Records that the process of a trial is gone."""
        with self._changed:
            was_open = number in self._open
            self._open.discard(number)
        if was_open:
            self.events.put(TrialLost(number, reason))

    def _on_epoch(self, number: int, message: str) -> bool:
        report = report_of(message)
        self.events.put(EpochFinished(number, report))
        until = self._until[number]
        if until is None or report.epoch < until or report.epoch >= report.epochs:
            return True
        self._open.discard(number)
        self.events.put(TrialPaused(number, report.epoch))
        return False
