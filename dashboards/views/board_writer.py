"""Writes the notes and the plot of a study for optuna-dashboard while a search runs.

Decisions:
- A thread of its own does it, with a connection of its own: the search only puts closed trials into a queue, and does not wait.
- It starts when the first trial ends, because importing optuna-dashboard takes about two seconds of processor time.
- A fault in it is said in one line and ends the thread; the search goes on. `paretext dashboard` writes what is missing.
"""

from __future__ import annotations

import queue
import threading
from types import TracebackType
from typing import TYPE_CHECKING, Self

from trainers.base.errors import one_line

if TYPE_CHECKING:
    from studies.definition.configuration import Configuration
    from studies.run.observer import Observer, StudyFacts, Summary
    from studies.storage.stored_trial import StoredTrial
    from studies.workspace.paths import Workspace
    from trainers.base.progress import EpochReport

LONGEST_WAIT_S = 10.0
"""Seconds that the end of a search waits for the last notes."""
STOPPED_WAIT_S = 2.0
"""The same after an error and Ctrl-C."""


class BoardWriter:
    """An observer that passes events on, and has closed trials written. As a context manager it ends the thread.

    Args:
        observer: receives every event, too.
        workspace: holds the study.
    """

    def __init__(self, observer: Observer, workspace: Workspace) -> None:
        self._observer, self._workspace = observer, workspace
        self._name: str | None = None
        self._closed: queue.SimpleQueue[StoredTrial | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._fault: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._thread is not None:
            self._closed.put(None)
            self._thread.join(LONGEST_WAIT_S if error is None else STOPPED_WAIT_S)
        self._say_fault()

    def note(self, text: str) -> None:
        self._observer.note(text)

    def preparing(self, what: str, done: int, total: int) -> None:
        self._observer.preparing(what, done, total)

    def study_started(self, facts: StudyFacts) -> None:
        self._name = facts.name
        self._observer.study_started(facts)

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        self._observer.trial_started(number, configuration, size_bytes)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        self._observer.trial_progress(number, report)

    def trial_lost(self, number: int, reason: str) -> None:
        self._observer.trial_lost(number, reason)

    def trial_paused(self, number: int, epoch: int) -> None:
        self._observer.trial_paused(number, epoch)

    def trial_closed(self, trial: StoredTrial) -> None:
        self._observer.trial_closed(trial)
        self._closed.put(trial)
        if self._thread is None and self._name is not None:
            self._thread = threading.Thread(target=self._write, args=(self._name,), name="board", daemon=True)
            self._thread.start()
        self._say_fault()

    def study_finished(self, summary: Summary) -> None:
        self._observer.study_finished(summary)

    def _write(self, name: str) -> None:
        """Writes closed trials until the search ends."""
        try:
            from dashboards.views.board import Board
            from studies.storage.backends import open_storage
            from studies.storage.study_store import StudyStore

            # with retries and without Optuna's cache, as the search has it
            board = Board(StudyStore.open(open_storage(self._workspace.optuna_url, lambda line: None), name), self._workspace)
            board.catch_up()
            while (trials := self._next())[-1] is not None:
                board.add([trial for trial in trials if trial is not None])
            board.add([trial for trial in trials if trial is not None])
            board.write_study()
        except Exception as error:  # a search must not fail for its notes
            self._fault = one_line(error)

    def _next(self) -> list[StoredTrial | None]:
        """Waits for closed trials, and returns all that there are; None at the end of the search."""
        found = [self._closed.get()]
        while found[-1] is not None and not self._closed.empty():
            found.append(self._closed.get())
        return found

    def _say_fault(self) -> None:
        """Says once, in the driver's thread, that the notes are not written."""
        if self._fault:
            self._observer.note(f"the notes for 'paretext dashboard' are not written ({self._fault}); the search goes on")
            self._fault = ""
