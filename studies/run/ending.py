"""The end of a run: what trains pauses after its epoch, is exported and waits for the next run of the study."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from studies.engines.base import Event
from studies.run.budget import EXPORT_GRACE_S, GRACE_S
from studies.run.front_finish import LONGEST_WAIT_S
from studies.run.judged import Ready
from studies.run.parts import Parts
from studies.storage.stored_trial import RungResult


class Ending:
    """Ends a run.

    Args:
        parts: of the run.
        running: trainings under way; the driver removes those that it handles the last event of.
        paused: trainings that are paused at a rung.
        epochs: that each has been trained for.
        reached: what each read after its last epoch in this run.
    """

    def __init__(
        self,
        parts: Parts,
        running: dict[int, Ready],
        paused: dict[int, Ready],
        epochs: Mapping[int, int],
        reached: Mapping[int, RungResult],
    ) -> None:
        self._running, self._paused, self._epochs, self._reached = running, paused, epochs, reached
        self._engine, self._exports, self._finish = parts.engine, parts.exports, parts.front_finish
        self._recorder = parts.recorder

    def suspend_all(self, reason: str, left_s: float, handle: Callable[[Event], None]) -> None:
        """Pauses trainings after their epoch, exports and suspends them; those that take too long are ended.

        Args:
            reason: why the run ends.
            left_s: seconds of the time limit that may be used.
            handle: handles an event of the engine.
        """
        for number in self._running:
            self._engine.stop(number)
        end = time.monotonic() + max(GRACE_S, left_s)
        while self._running and time.monotonic() < end + (EXPORT_GRACE_S if self._exports else 0.0):
            for event in self._engine.wait(LONGEST_WAIT_S):
                handle(event)
        if self._running:  # they are in the middle of an epoch; their checkpoints are exported in this process
            self._engine.close()
            self._finish.leave_out()
            ended = ((r, self._epochs[n], self._reached[n]) for n, r in self._running.items() if n in self._reached)
            self._exports.export_here(ended)
        for ready in (*self._running.values(), *self._paused.values()):
            self._recorder.suspend(ready, self._epochs.get(ready.number, 0), reason)
        self._running.clear()
        self._paused.clear()

    def stop_paused(self) -> None:
        """Closes the trials that are still paused at the end of the search as stopped."""
        for ready in self._paused.values():
            self._recorder.stop(ready, self._epochs.get(ready.number, 0))
        self._paused.clear()
