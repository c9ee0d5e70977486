"""Where MLflow's own pages show the studies of a workspace, and what its server needs to know.

MLflow opens an experiment as one of language models unless the address says otherwise.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from urllib.parse import quote

from studies.registry.home_move import follow_home
from studies.registry.mlflow_client import EXPERIMENT, open_mlflow
from studies.registry.run_records import STUDY_TAG
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_lock import locked

WORKFLOW = "workflowType=machine_learning"
"""The part of an address that opens an experiment with its table of runs."""


def page_of(workspace: Workspace, study: str | None = None) -> str:
    """The path of the page with the runs of a study, or of all studies.

    The database in the workspace folder is asked without MLflow, whose import takes seconds.

    Raises:
        UserError: MLflow has no run yet, or the server does not answer.
    """
    if workspace.tracking is None:
        experiment = _own_experiment(workspace)
    else:
        found = open_mlflow(workspace).get_experiment_by_name(EXPERIMENT)
        experiment = None if found is None else str(found.experiment_id)
    if experiment is None:
        raise UserError("MLflow has no run yet; a search writes them, and 'paretext sync' does afterwards")
    page = f"#/experiments/{experiment}/runs?{WORKFLOW}"
    return page if study is None else f"{page}&searchFilter={quote(f'tags.`{STUDY_TAG}` = {study!r}', safe='')}"


def _own_experiment(workspace: Workspace) -> str | None:
    """ID of the experiment in the database of the workspace, whose paths follow the folder first; None if there is none."""
    if not workspace.mlflow_file.is_file():
        return None
    try:
        with locked(workspace.lock("mlflow-database")):
            follow_home(workspace.mlflow_file, EXPERIMENT, workspace.mlflow_artifacts)
            with closing(sqlite3.connect(workspace.mlflow_file, timeout=60)) as connection:
                wanted = "SELECT experiment_id FROM experiments WHERE name = ?"
                row = connection.execute(wanted, (EXPERIMENT,)).fetchone()
    except sqlite3.Error as error:
        raise UserError(f"MLflow's database {workspace.mlflow_file} cannot be read ({error})") from None
    return None if row is None else str(row[0])
