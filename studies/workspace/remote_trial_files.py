"""Trials' folders on their way between machines that share no file system: a path or any URL that fsspec knows.

Decisions:
- What is there is a copy that travels: a node takes it before it trains and puts its checkpoint back after each epoch; the
  driver takes it when a training pauses or ends. So the folder of the run holds all that another engine needs.
- A copy goes with its folder at workspace, when the trial is closed (`studies.workspace.trial_files`).
- The newer one wins without clocks: the driver remembers which checkpoint it took, and puts its own only if that has changed.
- A file is put under another name and then moved, so whoever takes it takes all of it.
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from pathlib import Path

import fsspec.core

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.training.checkpoint import CHECKPOINT_NAME

TAKEN = ".taken"
"""File in a folder at workspace: the checkpoint it was last equal to what travels."""


class RemoteTrialFiles:
    """Copies of trials' folders at a place that all machines see.

    Args:
        place: an absolute path or a URL such as `s3://bucket/paretext`; its library (s3fs, gcsfs …) must be installed.

    Raises:
        UserError: fsspec does not know it.
    """

    def __init__(self, place: str) -> None:
        try:
            self._files, self._root = fsspec.core.url_to_fs(place)
        except (ValueError, ImportError) as error:
            raise UserError(f"search.shared: '{place}' cannot be used: {error}") from None

    def put(self, folder: Path) -> None:
        """Replaces the files of a folder's copy by those in the folder."""
        there = self._there(folder)
        self._files.makedirs(there, exist_ok=True)
        for file in sorted(folder.iterdir()):
            if file.is_file() and not file.name.startswith(".") and not file.name.endswith(".tmp"):
                self._files.put_file(str(file), f"{there}/.{file.name}.part")
                self._files.mv(f"{there}/.{file.name}.part", f"{there}/{file.name}")

    def take(self, folder: Path) -> bool:
        """Fills a folder with its copy; False when there is none, and the folder is left alone."""
        there = self._there(folder)
        self._files.invalidate_cache()
        if not self._files.isdir(there):
            return False
        folder.mkdir(parents=True, exist_ok=True)
        for name in (str(path).rsplit("/", 1)[-1] for path in self._files.ls(there, detail=False)):
            if not name.startswith("."):
                with atomic_write(folder / name) as temporary:
                    self._files.get_file(f"{there}/{name}", str(temporary))
        return True

    def drop(self, folder: Path) -> None:
        """Removes a folder's copy, if there is one."""
        self._files.invalidate_cache()
        if self._files.isdir(self._there(folder)):
            self._files.rm(self._there(folder), recursive=True)

    def names(self, trials: Path) -> list[str]:
        """Names of a study's folders of which there are copies.

        Args:
            trials: the folder of those folders, as `studies.workspace.paths` calls it.
        """
        there = self._study_there(trials)
        self._files.invalidate_cache()
        found = self._files.ls(there, detail=False) if self._files.isdir(there) else []
        return [str(path).rsplit("/", 1)[-1] for path in found]

    def send_from_home(self, folder: Path) -> None:
        """Before a training: puts the driver's folder if it has got on without the copy."""
        stamp = _stamp(folder)
        if stamp and stamp != _taken(folder):
            self.put(folder)
            (folder / TAKEN).write_text(stamp)

    def bring_home(self, folder: Path) -> None:
        """After a training: what has become of it is in the driver's folder."""
        if self.take(folder):
            (folder / TAKEN).write_text(_stamp(folder))

    def _there(self, folder: Path) -> str:
        """Place of a copy: STUDY/DIGEST, as the folder is called in `studies.workspace.paths`."""
        return f"{self._study_there(folder.parent)}/{folder.name}"

    def _study_there(self, trials: Path) -> str:
        return f"{self._root.rstrip('/')}/{trials.parent.name}"


@contextlib.contextmanager
def scratch(folder: Path) -> Iterator[Path]:
    """A new folder in place of what is there (a process that was killed leaves its own), and gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _stamp(folder: Path) -> str:
    """Tells one checkpoint of a folder from another; empty when there is none."""
    try:
        seen = (folder / CHECKPOINT_NAME).stat()
    except OSError:
        return ""
    return f"{seen.st_size} {seen.st_mtime_ns}"


def _taken(folder: Path) -> str:
    try:
        return (folder / TAKEN).read_text()
    except OSError:
        return ""
