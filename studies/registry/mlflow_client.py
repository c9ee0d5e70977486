"""Opens MLflow: the database in the workspace folder, or the server that MLFLOW_TRACKING_URI names.

All other modules get their MLflow client here.

Decisions:
- Every client is created with explicit tracking and registry URIs, and MLflow's global "active run" is never used. So several
  studies in one process do not disturb each other.
- The database is created under a lock, because two processes may start at the same time, and under another name until it is
  complete: MLflow cannot open one whose tables are half made, as a process that is killed in between would leave it.
- A workspace folder may be moved and copied; the new path is then written to its database (`studies.registry.home_move`).
- MLflow is imported only when it is needed, because the import takes seconds. It is set up to send nothing over the network.
"""

from __future__ import annotations

import importlib
import logging
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from studies.registry.home_move import follow_home
from studies.workspace.paths import Workspace
from studies.workspace.readable_copy import readable_copy
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError, one_line
from trainers.base.file_lock import locked
from trainers.base.redaction import redact

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "paretext"
"""Name of the MLflow experiment that holds all runs of a workspace folder."""

DATABASES = ("sqlite:", "postgresql", "mysql", "mssql")
"""How tracking URIs of databases without a server begin; their artifacts are kept in the workspace folder."""
HTTP_RETRIES = "2"
"""How often MLflow repeats a request to a server that does not answer; its default takes minutes to say so."""


def open_mlflow(workspace: Workspace) -> MlflowClient:
    """Returns a client for the server of a workspace, or for the database in its folder.

    The first call creates the database, which takes about ten seconds.

    Raises:
        UserError: the server does not answer, or the database cannot be opened.
        OSError: the database cannot be created.
    """
    mlflow = import_mlflow()
    if workspace.tracking is not None:
        return _open_server(mlflow, workspace.tracking)
    file = workspace.mlflow_file
    try:
        if file.exists() and not _may_write(workspace):
            return _open_copy(mlflow, workspace)
        with locked(workspace.lock("mlflow-database")):
            if not file.exists() or (file.is_file() and not file.stat().st_size):
                with atomic_write(file) as temporary:
                    _create_tables(mlflow, f"sqlite:///{temporary}")
            return _open_file(mlflow, workspace, file)
    except (UserError, OSError):
        raise
    except Exception as error:  # MLflow, SQLAlchemy, alembic and SQLite raise many kinds
        raise UserError(
            f"MLflow's database {file} cannot be opened ({one_line(error)[:300]}): it is damaged, locked or another version's; "
            f"restore it from a copy, or upgrade one with 'mlflow db upgrade sqlite:///{file}'"
        ) from None


def _open_file(mlflow: ModuleType, workspace: Workspace, file: Path) -> MlflowClient:
    """Returns a client for a database in a file, once its first query is answered."""
    with closing(sqlite3.connect(file)) as connection:  # MLflow would retry a broken file for minutes
        tables = {str(name) for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if tables and "experiments" not in tables:
        raise UserError(f"{file} is a database of another program, and nothing of it was changed; move it away")
    follow_home(file, EXPERIMENT, workspace.mlflow_artifacts)
    client: MlflowClient = mlflow.MlflowClient(tracking_uri=f"sqlite:///{file}", registry_uri=f"sqlite:///{file}")
    client.search_experiments(max_results=1)
    return client


def _may_write(workspace: Workspace) -> bool:
    """Whether the database of a workspace can be written; reading a model needs no right to write."""
    return os.access(workspace.mlflow_file, os.W_OK) and os.access(workspace.folder, os.W_OK | os.X_OK)


def _open_copy(mlflow: ModuleType, workspace: Workspace) -> MlflowClient:
    """Returns a client for a copy of a database that can only be read."""
    return _open_file(mlflow, workspace, readable_copy(workspace.mlflow_file))


def _open_server(mlflow: ModuleType, uri: str) -> MlflowClient:
    """Returns a client for another place than the workspace folder.

    Raises:
        UserError: it does not answer.
    """
    try:
        client: MlflowClient = mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri)
        client.search_experiments(max_results=1)
    except Exception as error:  # MLflow, requests and SQLAlchemy raise many kinds
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise UserError(
            f"MLflow at {redact(uri)} does not answer ({redact(reason)[:200]}); start it, or unset MLFLOW_TRACKING_URI to use "
            f"the database in the workspace folder"
        ) from None
    return client


def _create_tables(mlflow: ModuleType, uri: str) -> None:
    """Creates MLflow's tables in a database that does not exist yet; the first query does it."""
    mlflow.MlflowClient(tracking_uri=uri, registry_uri=uri).search_experiments(max_results=1)


def experiment_id(client: MlflowClient, workspace: Workspace) -> str:
    """Returns the ID of the experiment `EXPERIMENT`, which is created if it does not exist."""
    with locked(workspace.lock("mlflow-database")):
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        if workspace.tracking is not None and not workspace.tracking.startswith(DATABASES):
            return str(client.create_experiment(EXPERIMENT))  # a server decides where its artifacts are
        workspace.mlflow_artifacts.mkdir(parents=True, exist_ok=True)
        return str(client.create_experiment(EXPERIMENT, artifact_location=workspace.mlflow_artifacts.as_uri()))


def import_mlflow() -> ModuleType:
    """Imports MLflow with telemetry, progress bars and the log of database migrations turned off."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", HTTP_RETRIES)
    mlflow = importlib.import_module("mlflow")
    for name in ("mlflow", "alembic"):  # after the import, which sets the levels
        logging.getLogger(name).setLevel(logging.CRITICAL)  # what they log as errors, they raise: it becomes one line
    return mlflow
