"""Gives a study another name, with everything that belongs to it.

Decisions:
- A study is renamed only while no process runs it, as it is deleted (`studies.run.study_removal`).
- A renaming may be killed at any point, and the study is whole under one of the two names. Its folders first exist under both
  names, as hard links where the disk has them. Then the storage is changed, in one step. Then what is left under the old name
  is deleted, and MLflow's runs follow.
- A file in the new folder says which study is being renamed. With it, the same command completes what a killed one has begun.
- Registered models keep their names and what was recorded when they were promoted.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from studies.registry.study_runs import check_runs, rename_runs
from studies.run.study_removal import delete_shared_copies, refuse_if_running
from studies.storage.backends import open_storage
from studies.storage.lease import Lease
from studies.storage.pareto_front import load_store
from studies.storage.stored_names import all_names
from studies.storage.study_attributes import STUDY_KEY, read_value
from studies.storage.study_name import check_free, follow_parents, rename_stored
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace, check_study_name
from studies.workspace.remote_trial_files import SYNCED_NAME, RemoteTrialFiles
from trainers.base.errors import UserError, one_line
from trainers.base.file_lock import LockHeld, locked

MARK_NAME = ".renamed-from"
"""File in a study's new folder that holds its old name until the renaming is complete."""


def rename_study(workspace: Workspace, old: str, new: str, notify: Callable[[str], None] = lambda line: None) -> None:
    """Renames a study: its trials, models, logs and checkpoints, and its MLflow runs. Repeat it if it was interrupted.

    Args:
        workspace: holds the study.
        old: name of the study.
        new: its new name.
        notify: receives one line if copies of checkpoints in a shared folder cannot be deleted.

    Raises:
        UserError: no such study, a process runs it, the new name is taken or is not allowed, or MLflow or the shared folder
            does not answer; nothing has changed then.
        OSError: a file cannot be linked or deleted.
    """
    check_study_name(new)
    if old == new:
        raise UserError(f"study '{old}' has that name already")
    try:
        with locked(workspace.lock(f"study-{old}"), wait=False), locked(workspace.lock(f"study-{new}"), wait=False):
            if not _is_renamed(workspace, old, new):
                _rename(workspace, old, new, notify)
            _complete(workspace, old, new, notify)
    except LockHeld:
        raise UserError(f"study '{old}' or '{new}' is being run by another process of this machine; stop it first") from None


def _is_renamed(workspace: Workspace, old: str, new: str) -> bool:
    """Whether an interrupted call has changed the storage already, so that only the rest is left to do."""
    if _renamed_from(workspace, new) != old or not workspace.holds_studies:
        return False
    names = all_names(open_storage(workspace.optuna_url))
    return new in names and old not in names


def _renamed_from(workspace: Workspace, new: str) -> str | None:
    """The study whose folders an interrupted call has linked under a new name; None if there is none."""
    try:
        return (workspace.study(new) / MARK_NAME).read_text(encoding="utf-8")
    except OSError:
        return None


def _rename(workspace: Workspace, old: str, new: str, notify: Callable[[str], None]) -> None:
    """Links the folders under the new name, then renames the study in the storage."""
    store = load_store(workspace, old)
    if read_value(store.optuna_study, STUDY_KEY) is None:
        raise UserError(f"study '{old}' was not made by Paretext; it is not renamed")
    refuse_if_running(store, old)
    check_free(workspace.optuna_url, old, new)
    _refuse_files_of_another(workspace, old, new)
    check_runs(workspace)
    lease = Lease(store, notify)
    lease.take()
    try:
        _fetch_shared_copies(workspace, store, old)
        _link_folders(workspace, old, new)
        rename_stored(workspace.optuna_url, old, new)
    except BaseException:
        lease.release()
        raise


def _refuse_files_of_another(workspace: Workspace, old: str, new: str) -> None:
    if _renamed_from(workspace, new) == old:
        return
    for folder in workspace.folders(new):
        if folder.is_dir() and any(folder.iterdir()):
            raise UserError(f"'{new}' has files in {folder}; take another name, or delete them: paretext studies delete {new}")


def _fetch_shared_copies(workspace: Workspace, store: StudyStore, old: str) -> None:
    """Fetches the newest checkpoints from a shared folder, where copies are kept under the old name.

    Raises:
        UserError: the shared folder does not answer.
    """
    try:
        if (shared := store.study.search.shared) is None:
            return
        copies, trials = RemoteTrialFiles(shared), workspace.trials(old)
        for folder in copies.names(trials):
            copies.sync_to_workspace(trials / folder)
    except UserError:
        raise
    except Exception as error:  # each of fsspec's libraries has exceptions of its own
        raise UserError(f"the shared folder of study '{old}' cannot be read ({one_line(error)}); nothing was renamed") from None


def _link_folders(workspace: Workspace, old: str, new: str) -> None:
    """Makes the study's folders a second time under the new name; what an interrupted call has left there is made again."""
    for folder in workspace.folders(new):
        mark = folder / MARK_NAME
        kept = mark.read_bytes() if mark.is_file() else None
        shutil.rmtree(folder, ignore_errors=True)
        if kept is not None:  # the mark is never missing for long
            folder.mkdir(parents=True)
            mark.write_bytes(kept)
    mark = workspace.study(new) / MARK_NAME
    mark.parent.mkdir(parents=True, exist_ok=True)
    mark.write_text(old, encoding="utf-8")
    for source, target in zip(workspace.folders(old), workspace.folders(new), strict=True):
        if source.is_dir():
            # without the notes of what a shared folder has, checkpoints are copied there again, under the new name
            ignored = shutil.ignore_patterns(SYNCED_NAME)
            shutil.copytree(source, target, copy_function=_link, ignore=ignored, dirs_exist_ok=True)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target)
    except OSError:  # the file system has no hard links
        shutil.copy2(source, target)


def _complete(workspace: Workspace, old: str, new: str, notify: Callable[[str], None]) -> None:
    """What is left to do once the storage has the new name."""
    store = load_store(workspace, new)
    Lease(store, notify).release()
    follow_parents(workspace.optuna_url, old, new)
    rename_runs(workspace, old, new)
    delete_shared_copies(workspace, store, old, notify)
    for folder in workspace.folders(old):
        if folder.exists():
            shutil.rmtree(folder)
    (workspace.study(new) / MARK_NAME).unlink(missing_ok=True)
    _remove_if_empty(workspace.study(new))


def _remove_if_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
