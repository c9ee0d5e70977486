"""Completes MLflow's copy of a study, after an outage of the server or a search that was killed.

Everything is read from where a search has recorded it: the trials from the storage of studies, the epochs from the study's
folder. What MLflow has already is skipped, so it may be repeated. A study that is being run is left to its search.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from studies.registry.front_record import DrawFront
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_tracker import RunTracker
from studies.run.tracking_callback import TrackingCallback
from studies.storage.lease import owner_here, runner_of
from studies.storage.pareto_front import load_store, stored_points
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError, one_line
from trainers.base.file_lock import LockHeld, locked


@dataclass(frozen=True)
class Synced:
    """What `sync` has done for a study.

    Attributes:
        study: name of the study.
        written: trials that were missing in MLflow and are written now.
        running: whether the study is being run; then nothing was written.
    """

    study: str
    written: int
    running: bool = False


def sync(workspace: Workspace, name: str, draw: DrawFront | None = None) -> Synced:
    """Writes what is missing of a study in MLflow: its settings, trials, test scores and front.

    Args:
        workspace: holds the study.
        name: of the study.
        draw: draws the front; None: it gets a table and no picture.

    Raises:
        UserError: there is no such study, or MLflow cannot be written.
    """
    store = load_store(workspace, name)
    check_mlflow(workspace)
    try:
        with locked(workspace.lock(f"study-{name}"), wait=False):
            if runner_of(store) not in (None, owner_here()):
                return Synced(name, 0, running=True)
            trials, said = store.stored_trials(), list[str]()
            began = min((trial.opened for trial in trials if trial.opened is not None), default=datetime.now())
            tracker = RunTracker(workspace, name, said.append, draw, completes=began)
            tracker.start(store.study.model_dump(mode="json"), store.data_identity())
            callback = TrackingCallback(tracker, workspace, name)
            for trial in trials:
                callback.trial_closed(trial)
            for number, score in store.test_scores().items():
                tracker.log_test_score(number, score)
            tracker.log_front(stored_points(store, workspace), store.objectives)
            tracker.finish("complete", wait_s=None)
    except LockHeld:
        return Synced(name, 0, running=True)
    if said:
        raise UserError(f"study '{name}': {'; '.join(said)}")
    return Synced(name, tracker.written)


def check_mlflow(workspace: Workspace) -> None:
    """Opens MLflow, so that one that cannot be opened is said before anything is read.

    Raises:
        UserError: it cannot be opened.
    """
    from sqlalchemy.exc import SQLAlchemyError

    try:
        open_mlflow(workspace)
    except UserError:
        raise
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise UserError(f"MLflow's database {workspace.mlflow_file} cannot be opened ({one_line(error)})") from None
