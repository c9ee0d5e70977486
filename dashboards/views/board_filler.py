"""Writes the notes that are missing while `paretext dashboard` serves, for searches that do not write them themselves."""

from __future__ import annotations

import sys
import threading

from dashboards.views.board import Board
from studies.optuna_internals.cached_trials import forget_cached_trials
from studies.storage.backends import Storage
from studies.storage.stored_names import names_of_paretext
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import one_line

FILL_INTERVAL_S = 30.0
"""Seconds after which notes are looked after again."""


class BoardFiller:
    """Fills the boards of all studies, again and again.

    Args:
        workspace: of the studies.
        storage: of the studies.
        name: of the study whose notes come first; None for all in their order.

    Attributes:
        first: set when the notes of that study, or of all, have been looked after once.
    """

    def __init__(self, workspace: Workspace, storage: Storage, name: str | None) -> None:
        self._workspace, self._storage, self._name = workspace, storage, name
        self._boards: dict[str, Board] = {}
        self._faults: set[str] = set()
        self.first = threading.Event()

    def run(self) -> None:
        """Fills the boards until the process ends."""
        while True:
            self.fill()
            threading.Event().wait(FILL_INTERVAL_S)

    def fill(self) -> None:
        """Writes the notes that are missing now; a fault is said once, since the dashboard works without them."""
        try:
            names = names_of_paretext(self._storage)
        except Exception as error:  # the storage may answer the next time
            self._say("notes are not written", error)
        else:
            if self._boards.keys() - names:
                forget_cached_trials(self._storage)
            self._boards = {each: board for each, board in self._boards.items() if each in names}
            for each in sorted(names, key=lambda each: each != self._name):
                try:
                    self._fill(each)
                except Exception as error:
                    self._boards.pop(each, None)
                    self._say(f"notes of study '{each}' are not written", error)
                if each == self._name:
                    self.first.set()
        self.first.set()

    def _fill(self, name: str) -> None:
        """Fills the board of a study, a new one if another study had the name before."""
        known = name in self._boards
        if known and self._boards[name].catch_up():
            return
        if known and self._boards[name].had_trials:
            forget_cached_trials(self._storage)
        self._boards[name] = Board(StudyStore.open(self._storage, name), self._workspace)
        self._boards[name].catch_up()

    def _say(self, what: str, error: Exception) -> None:
        if (fault := one_line(error)) not in self._faults:
            print(f"paretext: {what} ({fault})", file=sys.stderr)
            self._faults.add(fault)
