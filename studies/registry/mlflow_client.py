"""The one place that opens MLflow: its database is made once, behind a lock, and nothing is asked of the network.

Decisions:
- Clients with explicit addresses, never MLflow's "active run": two studies in one process do not get into each other's way.
- MLflow is imported here and only when needed: the import takes seconds.
"""

from __future__ import annotations

import importlib
import logging
import os
import sqlite3
from contextlib import closing
from types import ModuleType
from typing import TYPE_CHECKING

from studies.workspace.paths import Workspace
from trainers.base.file_lock import locked

if TYPE_CHECKING:
    from mlflow import MlflowClient

EXPERIMENT = "paretext"


def open_mlflow(workspace: Workspace) -> MlflowClient:
    """A client of the database in the workspace folder, which is made on first use (about ten seconds).

    Raises:
        OSError, sqlite3.Error, mlflow.exceptions.MlflowException, sqlalchemy.exc.SQLAlchemyError: it cannot be opened.
    """
    mlflow = import_mlflow()

    with locked(workspace.lock("mlflow-database")):
        with closing(sqlite3.connect(workspace.mlflow_file)) as connection:  # MLflow would try a broken file for minutes
            connection.execute("PRAGMA schema_version")
        client: MlflowClient = mlflow.MlflowClient(tracking_uri=workspace.mlflow_uri, registry_uri=workspace.mlflow_uri)
        client.search_experiments(max_results=1)  # the first question makes the tables
    return client


def experiment_id(client: MlflowClient, workspace: Workspace) -> str:
    """The experiment that holds all runs of the workspace folder."""
    with locked(workspace.lock("mlflow-database")):
        found = client.get_experiment_by_name(EXPERIMENT)
        if found is not None:
            return str(found.experiment_id)
        workspace.mlflow_artifacts.mkdir(parents=True, exist_ok=True)
        return str(client.create_experiment(EXPERIMENT, artifact_location=workspace.mlflow_artifacts.as_uri()))


def import_mlflow() -> ModuleType:
    """MLflow without telemetry, progress bars and a migration log on a person's terminal."""
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    mlflow = importlib.import_module("mlflow")
    for name in ("mlflow", "alembic"):  # after the import, which sets the levels
        logging.getLogger(name).setLevel(logging.ERROR)
    return mlflow
