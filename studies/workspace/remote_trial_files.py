"""Copies of trial folders in a place that all machines of a cluster can reach: a path or any URL that fsspec supports.

Decisions:
- A node downloads the copy before it trains and uploads its checkpoint after each epoch. The driver downloads it when a
  training is suspended or ends, so the workspace holds all that another engine needs.
- The copy is deleted together with the folder in the workspace when the trial is closed (`studies.workspace.trial_files`).
- No clocks are compared: the driver notes which checkpoint it downloaded, and uploads its own only if that has changed since.
- A file is uploaded under another name and then renamed, so a download never sees half of it.
- Weights that a network may begin with are shared under their hash, so each file is uploaded once, and none can be taken for
  another.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import fsspec.core

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.base.redaction import redact
from trainers.inherit.parent import Parent
from trainers.training.checkpoint import CHECKPOINT_NAME

SYNCED_NAME = ".taken"
"""File in a folder of the workspace that identifies the checkpoint when folder and copy were last equal."""

WEIGHTS_NAME = "weights"
"""Folder beside the copies of a study's trials: weights that networks may begin with, each under its hash."""


class RemoteTrialFiles:
    """Copies of trial folders in a shared folder.

    Args:
        shared_folder: an absolute path or a URL such as `s3://bucket/paretext`; its library (s3fs, gcsfs …) must be installed.

    Raises:
        UserError: fsspec does not support it.
    """

    def __init__(self, shared_folder: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(shared_folder)
        except (ValueError, ImportError) as error:
            raise UserError(redact(f"search.shared: '{shared_folder}' cannot be used: {error}")) from None

    def upload(self, folder: Path) -> None:
        """Copies the files of a folder to the shared folder and replaces those of the same name."""
        remote = self._remote(folder)
        self._files.makedirs(remote, exist_ok=True)
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith(".") and not file.name.endswith(".tmp"):
                self._files.put_file(str(file), f"{remote}/.{file.name}.part")
                self._files.mv(f"{remote}/.{file.name}.part", f"{remote}/{file.name}")

    def download(self, folder: Path) -> bool:
        """Fills a folder from its copy; False when there is none, and the folder is left alone."""
        remote = self._remote(folder)
        self._files.invalidate_cache()
        if not self._files.isdir(remote):
            return False
        folder.mkdir(parents=True, exist_ok=True)
        for name in (str(path).rsplit("/", 1)[-1] for path in self._files.ls(remote, detail=False)):
            if not name.startswith("."):
                with atomic_write(folder / name) as temporary:
                    self._files.get_file(f"{remote}/{name}", str(temporary))
        return True

    def delete(self, folder: Path) -> None:
        """Deletes a folder's copy, if there is one."""
        self._files.invalidate_cache()
        if self._files.isdir(self._remote(folder)):
            self._files.rm(self._remote(folder), recursive=True)

    def names(self, trials: Path) -> list[str]:
        """Names of a study's trial folders that have copies.

        Args:
            trials: the study's folder of trial folders (`studies.workspace.paths.Workspace.trials`).
        """
        remote = self._remote_study(trials)
        self._files.invalidate_cache()
        found = self._files.ls(remote, detail=False) if self._files.isdir(remote) else []
        return [name for path in found if (name := str(path).rsplit("/", 1)[-1]) != WEIGHTS_NAME]

    def share_weights(self, trials: Path, parents: Sequence[Parent]) -> tuple[Parent, ...]:
        """Uploads the files of parents, unless they are there; the driver calls it before a training.

        Args:
            trials: the study's folder of trial folders.
            parents: of the training; one whose file is missing is left as it is.

        Returns:
            The parents with the hashes of their files.
        """
        shared = []
        for parent in parents:
            if parent.file is not None and parent.file.is_file():
                parent = replace(parent, sha256=file_sha256(parent.file))
                remote = self._remote_weights(trials, parent)
                if not self._files.exists(remote):
                    self._files.makedirs(remote.rsplit("/", 1)[0], exist_ok=True)
                    self._files.put_file(str(parent.file), f"{remote}.part")
                    self._files.mv(f"{remote}.part", remote)
            shared.append(parent)
        return tuple(shared)

    def fetch_weights(self, trials: Path, parents: Sequence[Parent], folder: Path) -> tuple[Parent, ...]:
        """Downloads the files of parents; a node calls it before a training.

        Args:
            trials: the study's folder of trial folders.
            parents: as `share_weights` returned them.
            folder: where to; created.

        Returns:
            The parents with their files in `folder`. One that cannot be downloaded is missing there, and the training says so.
        """
        folder.mkdir(parents=True, exist_ok=True)
        fetched = []
        for parent in parents:
            if parent.file is not None and parent.sha256 is not None:
                remote = self._remote_weights(trials, parent)
                parent = replace(parent, file=folder / remote.rsplit("/", 1)[1])
                with contextlib.suppress(Exception):  # each of fsspec's libraries has exceptions of its own
                    self._files.get_file(remote, str(parent.file))
            fetched.append(parent)
        return tuple(fetched)

    def delete_weights(self, trials: Path, keep: Collection[str]) -> None:
        """Deletes shared weights except those with these hashes."""
        remote = f"{self._remote_study(trials)}/{WEIGHTS_NAME}"
        self._files.invalidate_cache()
        for path in self._files.ls(remote, detail=False) if self._files.isdir(remote) else []:
            if str(path).rsplit("/", 1)[-1].partition(".")[0] not in keep:
                self._files.rm(path)

    def upload_if_changed(self, folder: Path) -> None:
        """Uploads the driver's folder if its checkpoint has changed since the last `sync_to_workspace`; before a training."""
        checkpoint = _checkpoint_id(folder)
        if checkpoint and checkpoint != _synced_id(folder):
            self.upload(folder)
            (folder / SYNCED_NAME).write_text(checkpoint)

    def sync_to_workspace(self, folder: Path) -> None:
        """Downloads what a training has left into the driver's folder; after it."""
        if self.download(folder):
            (folder / SYNCED_NAME).write_text(_checkpoint_id(folder))

    def _remote(self, folder: Path) -> str:
        """Path of a copy: STUDY/DIGEST below the shared folder."""
        return f"{self._remote_study(folder.parent)}/{folder.name}"

    def _remote_weights(self, trials: Path, parent: Parent) -> str:
        assert parent.file is not None
        return f"{self._remote_study(trials)}/{WEIGHTS_NAME}/{parent.sha256}{parent.file.suffix}"

    def _remote_study(self, trials: Path) -> str:
        return f"{self._root.rstrip('/')}/{trials.parent.name}"


@contextlib.contextmanager
def scratch_folder(folder: Path) -> Iterator[Path]:
    """Creates an empty folder in place of what a killed process may have left there, and deletes it afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _checkpoint_id(folder: Path) -> str:
    """Identifies the checkpoint in a folder by size and time of change; empty if there is none."""
    try:
        status = (folder / CHECKPOINT_NAME).stat()
    except OSError:
        return ""
    return f"{status.st_size} {status.st_mtime_ns}"


def _synced_id(folder: Path) -> str:
    try:
        return (folder / SYNCED_NAME).read_text()
    except OSError:
        return ""
