"""Working files of a study's trials: where they are, and when they are deleted.

Decisions:
- A trial's folder is deleted once the trial is closed, in the workspace and in the shared folder alike, whichever engine it ran
  on: the study may have been started on another. A suspended trial keeps its folder, and a finished training that may be taken
  further its checkpoint, in the workspace (`studies.run.clear_files`).
- Only the epoch log of a deleted folder is kept. Models of finished trials have been copied before
  (`studies.run.trial_recorder`).
- A copy that cannot be deleted costs space, not a trial: one message is written, and the next run of the study tries again.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection
from typing import TYPE_CHECKING

from studies.workspace.paths import Workspace
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.trial.epoch_log import EPOCHS_NAME

if TYPE_CHECKING:
    from pathlib import Path

    from studies.workspace.remote_trial_files import RemoteTrialFiles


class TrialFiles:
    """The folders of one study's trials, one for each configuration.

    Args:
        workspace: where the driver keeps them.
        study: the study's name.
        shared_folder: where the machines of a cluster exchange copies, a path or a URL that fsspec supports; None: nowhere.
        notify: receives one line, once, when copies cannot be deleted.
    """

    def __init__(self, workspace: Workspace, study: str, shared_folder: str | None, notify: Callable[[str], None]) -> None:
        self._workspace, self._study, self._shared_folder, self._notify = workspace, study, shared_folder, notify
        self._copies = self._open_shared_folder()
        self._notified = False

    def folder(self, digest: str) -> Path:
        """The folder of a configuration. It is named by digest: a checkpoint is found whatever trial resumes it."""
        return self._workspace.trials(self._study) / digest

    def left(self) -> list[str]:
        """Digests of the configurations that have files, in the workspace or in the shared folder."""
        trials = self._workspace.trials(self._study)
        found = {folder.name for folder in trials.iterdir()} if trials.is_dir() else set()
        if self._copies is not None:
            try:
                found.update(self._copies.names(trials))
            except Exception as error:  # each of fsspec's libraries has exceptions of its own
                self._cannot_delete(error)
        return sorted(found)

    def keep_shared_weights(self, hashes: Collection[str]) -> None:
        """Deletes weights from the shared folder that earlier runs have left there, except those with these hashes."""
        if self._copies is not None:
            try:
                self._copies.delete_weights(self._workspace.trials(self._study), hashes)
            except Exception as error:  # each of fsspec's libraries has exceptions of its own
                self._cannot_delete(error)

    def clear(self, number: int, digest: str) -> None:
        """Deletes the files of a closed trial and their copy; its epoch log is kept under the trial's number."""
        folder = self._workspace.trials(self._study) / digest
        epoch_log = folder / EPOCHS_NAME
        if epoch_log.is_file():
            epoch_log.replace(self._kept_log(number, digest))
        shutil.rmtree(folder, ignore_errors=True)
        self._delete_copy(folder)

    def has_checkpoint(self, digest: str) -> bool:
        """Whether the workspace has the checkpoint of a configuration's training."""
        from trainers.training.checkpoint import CHECKPOINT_NAME  # brings torch

        return (self.folder(digest) / CHECKPOINT_NAME).is_file()

    def keep_checkpoint(self, number: int, digest: str) -> bool:
        """Deletes the files of a closed trial except its checkpoint and its epoch log, of which a copy is kept as in `clear`.

        Returns:
            Whether there is a checkpoint; without one nothing is deleted.
        """
        from trainers.training.checkpoint import CHECKPOINT_NAME  # brings torch

        if not self.has_checkpoint(digest):
            return False
        folder = self.folder(digest)
        for file in folder.iterdir():
            if file.name == EPOCHS_NAME:
                kept = self._kept_log(number, digest)
                with atomic_write(kept) as temporary:
                    shutil.copyfile(file, temporary)
            elif file.name != CHECKPOINT_NAME and file.is_file():
                file.unlink(missing_ok=True)
        self._delete_copy(folder)
        return True

    def _kept_log(self, number: int, digest: str) -> Path:
        """Where the epoch log of a closed trial is kept."""
        kept = self._workspace.epochs(self._study) / f"{number:05d}-{digest}.jsonl"
        kept.parent.mkdir(parents=True, exist_ok=True)
        return kept

    def _delete_copy(self, folder: Path) -> None:
        if self._copies is not None:
            try:
                self._copies.delete(folder)
            except Exception as error:  # each of fsspec's libraries has exceptions of its own
                self._cannot_delete(error)

    def _open_shared_folder(self) -> RemoteTrialFiles | None:
        if self._shared_folder is None:
            return None
        from studies.workspace.remote_trial_files import RemoteTrialFiles

        try:
            return RemoteTrialFiles(self._shared_folder)
        except UserError as error:  # the engine of this run does not use the shared folder, so it has not complained
            self._notify(f"copies that an earlier run left are not deleted: {error}")
            return None

    def _cannot_delete(self, error: Exception) -> None:
        if not self._notified:
            words = (str(error) or type(error).__name__).splitlines()[0]
            self._notify(
                f"copies of closed trials cannot be removed from {self._shared_folder}: {words}; the next run tries again"
            )
        self._notified = True
