"""Working files of a study's trials, at workspace and where they travel through: where they are, and when they go.

Decisions:
- A folder goes once its trial is closed, in the workspace and in the shared place alike, whichever engine it ran on: a
  study may have been begun on another. What rests keeps its checkpoint.
- Of what is removed only the log of the epochs is kept; models of finished trials have been copied before
  (`studies.run.trial_recorder`).
- A copy that cannot be removed costs space, not a trial: it is said once, and the next run of the study tries again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING

from search_space import Architecture
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.trial.epoch_log import EPOCHS_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from studies.workspace.remote_trial_files import RemoteTrialFiles


class TrialFiles:
    """The folders of one study's trials, one for each architecture.

    Args:
        workspace: where the driver has them.
        study: the study's name.
        shared: where copies of them travel through, a path or a URL that fsspec knows; None: nowhere.
        note: told, once, that copies cannot be removed.
    """

    def __init__(self, workspace: Workspace, study: str, shared: str | None, note: Callable[[str], None]) -> None:
        self._workspace, self._study, self._shared, self._note = workspace, study, shared, note
        self._copies = self._travelling()
        self._noted = False

    def folder(self, architecture: Architecture) -> Path:
        """Of an architecture; by digest, so that its checkpoint is found whatever trial it comes back as."""
        return self._workspace.trials(self._study) / architecture.digest

    def left(self) -> list[str]:
        """Digests of the architectures of which there are files, at workspace or travelling."""
        trials = self._workspace.trials(self._study)
        found = {folder.name for folder in trials.iterdir()} if trials.is_dir() else set()
        if self._copies is not None:
            try:
                found.update(self._copies.names(trials))
            except Exception as error:  # each of fsspec's libraries has its own kinds
                self._cannot_clear(error)
        return sorted(found)

    def clear(self, number: int, digest: str) -> None:
        """Removes a closed trial's files and their copy; what was trained is kept, under the trial's number."""
        folder = self._workspace.trials(self._study) / digest
        trained = folder / EPOCHS_NAME
        if trained.is_file():
            kept = self._workspace.epochs(self._study) / f"{number:05d}-{digest}.jsonl"
            kept.parent.mkdir(parents=True, exist_ok=True)
            trained.replace(kept)
        shutil.rmtree(folder, ignore_errors=True)
        if self._copies is not None:
            try:
                self._copies.drop(folder)
            except Exception as error:  # each of fsspec's libraries has its own kinds
                self._cannot_clear(error)

    def _travelling(self) -> RemoteTrialFiles | None:
        if self._shared is None:
            return None
        from studies.workspace.remote_trial_files import RemoteTrialFiles

        try:
            return RemoteTrialFiles(self._shared)
        except UserError as error:  # an engine that has no use for the place has let it pass
            self._note(f"copies that an earlier run left are not looked for: {error}")
            return None

    def _cannot_clear(self, error: Exception) -> None:
        if not self._noted:
            words = (str(error) or type(error).__name__).splitlines()[0]
            self._note(f"copies of closed trials cannot be removed from {self._shared}: {words}; the next run tries again")
        self._noted = True
