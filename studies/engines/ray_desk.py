"""The queue between the driver's thread and Ray Tune's: orders one way, events the other."""

from __future__ import annotations

import json
import queue
import threading
from collections import deque
from typing import Any

from studies.engines.base import Event, Failed, Finished, Lost, Paused, Progress
from studies.engines.remote_worker import candidate_of, report_of


class Desk:
    """Where the driver's thread and Tune's meet: orders one way, events the other."""

    def __init__(self) -> None:
        self.events: queue.SimpleQueue[Event] = queue.SimpleQueue()
        self.closing = threading.Event()
        self._changed = threading.Condition()
        self._new: deque[dict[str, Any]] = deque()
        self._until: dict[int, int | None] = {}
        self._open: set[int] = set()

    def __reduce__(self) -> tuple[type[Desk], tuple[()]]:
        """Tune pickles all that it is given; nothing of a desk is worth keeping."""
        return (Desk, ())

    # the driver's side

    def submit(self, ticket: int, order: dict[str, Any], until_epoch: int | None) -> None:
        """Puts a ticket in the queue."""
        with self._changed:
            self._open.add(ticket)
            self._until[ticket] = until_epoch
            self._new.append(order)
            self._changed.notify_all()

    def stop(self, ticket: int) -> None:
        """Lets a ticket pause after any epoch."""
        with self._changed:
            self._until[ticket] = 0

    def close(self) -> None:
        self.closing.set()
        with self._changed:
            self._changed.notify_all()

    # Tune's side

    def next_new(self, patience_s: float) -> dict[str, Any] | None:
        """The next order; waits for one only while nothing is open, since whoever asks has other things to do."""
        with self._changed:
            if not self._open and not self.closing.is_set():
                self._changed.wait(patience_s)
            return self._new.popleft() if self._new else None

    def heard(self, ticket: int, told: dict[str, Any]) -> bool:
        """Takes in what a training says; whether it is to go on."""
        with self._changed:
            if ticket not in self._open:
                return False
            if "epoch" in told:
                return self._heard_epoch(ticket, told["epoch"])
            self._open.discard(ticket)
        if "finished" in told:
            self.events.put(Finished(ticket, candidate_of(told["finished"])))
        else:
            kind, reason = json.loads(told["failed"])
            self.events.put(Failed(ticket, kind, reason))
        return False

    def lost(self, ticket: int, reason: str) -> None:
        """The process behind a ticket is no more."""
        with self._changed:
            was_open = ticket in self._open
            self._open.discard(ticket)
        if was_open:
            self.events.put(Lost(ticket, reason))

    def _heard_epoch(self, ticket: int, told: str) -> bool:
        report = report_of(told)
        self.events.put(Progress(ticket, report))
        until = self._until[ticket]
        if until is None or report.epoch < until or report.epoch >= report.epochs:
            return True
        self._open.discard(ticket)
        self.events.put(Paused(ticket, report.epoch))
        return False
