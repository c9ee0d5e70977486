"""Deletes a study with everything that belongs to it alone.

Decisions:
- A study is deleted only while no process runs it: the lock of a search on this machine and the lease that all machines see are
  taken first.
- Its rows in the storage go last. So a deletion that was interrupted can be repeated, and what it has left is found by name.
- Registered models stay: they do not need the study. Decoded lines stay: other studies may use them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from studies.registry.study_runs import delete_runs
from studies.storage.backends import open_storage
from studies.storage.lease import Lease, owner_here, runner_of
from studies.storage.pareto_front import load_store
from studies.storage.study_faults import NoSuchStudy
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace, check_study_name
from studies.workspace.remote_trial_files import RemoteTrialFiles
from trainers.base.errors import UserError, one_line
from trainers.base.file_lock import LockHeld, locked


def delete_study(workspace: Workspace, name: str, notify: Callable[[str], None] = lambda line: None) -> None:
    """Deletes a study: its trials, models, logs and checkpoints, their copies in a shared folder, and its MLflow runs.

    Args:
        workspace: holds the study.
        name: of the study. It may be one whose rows are gone and whose files are left.
        notify: receives one line if copies in a shared folder cannot be deleted.

    Raises:
        UserError: no such study, or a process runs it.
        OSError: a file cannot be deleted; the study is still there.
    """
    check_study_name(name)
    try:
        with locked(workspace.lock(f"study-{name}"), wait=False):
            store = _store(workspace, name)
            if store is None:
                _delete_files(workspace, name)
                return
            refuse_if_running(store, name)
            lease = Lease(store, notify)
            lease.take()
            try:
                delete_shared_copies(workspace, store, name, notify)
                _delete_files(workspace, name)
            except BaseException:
                lease.release()
                raise
            open_storage(workspace.optuna_url).delete_study(store.optuna_study._study_id)
    except LockHeld:
        raise UserError(f"study '{name}' is being run by another process of this machine; stop it first") from None


def _store(workspace: Workspace, name: str) -> StudyStore | None:
    """The study; None if only its files are left.

    Raises:
        UserError: neither is there; the message has the nearest name.
    """
    try:
        return load_store(workspace, name)
    except NoSuchStudy:  # a database that does not answer may still have it
        if any(folder.is_dir() for folder in workspace.folders(name)):
            return None
        raise


def refuse_if_running(store: StudyStore, name: str) -> None:
    """Raises UserError if another process has the lease of a study."""
    runner = runner_of(store)
    if runner not in (None, owner_here()):
        raise UserError(f"study '{name}' is being run by {runner}; stop it first, or wait a minute if that machine is gone")


def _delete_files(workspace: Workspace, name: str) -> None:
    """Deletes the MLflow runs and the folders of a study."""
    delete_runs(workspace, name)
    for folder in workspace.folders(name):
        if folder.exists():
            shutil.rmtree(folder)


def delete_shared_copies(workspace: Workspace, store: StudyStore, name: str, notify: Callable[[str], None]) -> None:
    """Deletes the checkpoints in the folder through which the machines of a cluster exchange them.

    Args:
        workspace: holds the study.
        store: the study, which says where that folder is.
        name: of the study when the checkpoints were copied there.
        notify: receives one line if they cannot be deleted.
    """
    try:
        shared = store.study.search.shared
        if shared is None:
            return
        copies, trials = RemoteTrialFiles(shared), workspace.trials(name)
        for folder in copies.names(trials):
            copies.delete(trials / folder)
    except Exception as error:  # each of fsspec's libraries has exceptions of its own
        notify(f"copies of checkpoints in the shared folder could not be deleted ({one_line(error)})")
