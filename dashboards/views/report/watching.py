"""Makes the report of a study once, or again and again while its search runs."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from dashboards.views.report.contents import Contents, read_contents
from dashboards.views.report.page import make_page, write_page
from dashboards.views.report.readings import FrontReader
from studies.storage.lease import runner_of
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace

LOOK_S = 5.0
"""Seconds between two looks at the study while its report is kept up to date."""
REFRESH_S = 20.0
"""Seconds after which a page that is kept up to date loads itself again: rarely enough to read it."""


class Report:
    """The report of a study in a file.

    Args:
        workspace: holds the study.
        name: of the study.
        file: where to write.
        version: of Paretext, which the page names.
        overwrite: replace a file that is no report.
    """

    def __init__(self, workspace: Workspace, name: str, file: Path, version: str, overwrite: bool = False) -> None:
        self._workspace, self._name, self._file = workspace, name, file
        self._version, self._overwrite = version, overwrite
        self._reader = FrontReader()

    def write(self, refresh_s: float | None = None) -> Contents:
        """Writes the page and returns what it was made from.

        Args:
            refresh_s: seconds after which the page loads itself again; None: never.

        Raises:
            UserError: no such study, or the file cannot be written.
        """
        contents = read_contents(self._workspace, self._name)
        write_page(make_page(contents, self._reader, self._version, refresh_s), self._file, self._overwrite)
        self._overwrite = True  # it is a report of ours from now on
        return contents

    def keep(self, written: Callable[[Contents], None], look_s: float = LOOK_S) -> None:
        """Writes the page whenever the study has changed, until its search ends; the last page stays as it is.

        A study that no process runs is waited for, so that the report can be started before the search.

        Args:
            written: called after each page.
            look_s: seconds between two looks.
        """
        ran, seen = False, None
        while True:
            runner, state = self._look()
            ran = ran or runner is not None
            ended = ran and runner is None
            if state != seen or ended:
                written(self.write(None if ended else REFRESH_S))
                seen = state
            if ended:
                return
            time.sleep(look_s)

    def _look(self) -> tuple[str | None, tuple[int, int, float]]:
        """Who runs the study, and numbers that change with it: its trials, those that are closed, and the time of its log."""
        store, log = load_store(self._workspace, self._name), self._workspace.log(self._name)
        trials = store.trials()
        closed = sum(trial.state.is_finished() for trial in trials)
        return runner_of(store), (len(trials), closed, log.stat().st_mtime if log.exists() else 0.0)
