"""Deletes what MLflow has of a study: its runs, and the copies of models that belong to them.

Versions of registered models are kept: they have files of their own, and somebody may be serving them.
"""

from __future__ import annotations

import shutil

from studies.registry.mlflow_client import EXPERIMENT, open_mlflow
from studies.registry.run_writer import STUDY_TAG
from studies.workspace.paths import Workspace


def delete_runs(workspace: Workspace, study: str) -> int:
    """Deletes the runs of a study with their artifacts. What an interrupted call has left is deleted by the next one.

    In MLflow a deleted run is hidden; `mlflow gc` removes its rows.

    Args:
        workspace: holds MLflow's database.
        study: name of the study.

    Returns:
        How many runs there were.
    """
    if not workspace.holds_models:
        return 0
    client = open_mlflow(workspace)
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return 0
    wanted, token, runs = f"tags.`{STUDY_TAG}` = '{study}'", None, []
    while True:
        page = client.search_runs([experiment.experiment_id], wanted, ViewType.ALL, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            break
    for run in runs:
        folder = workspace.mlflow_artifacts / run.info.run_id
        if folder.is_dir():
            shutil.rmtree(folder)
        if run.info.lifecycle_stage == "active":
            client.delete_run(run.info.run_id)
    return len(runs)
