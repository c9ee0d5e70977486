"""Deletes what MLflow has of a study, its runs and the copies of models that belong to them, or gives it another name.

Versions of registered models are kept: they have files of their own, and somebody may be serving them.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

from studies.registry.mlflow_client import EXPERIMENT, open_mlflow
from studies.registry.run_records import NOTE_TAG, STUDY_TAG, TRIAL_TAG
from studies.storage.study_name import with_new_name
from studies.workspace.paths import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient


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
    runs = _runs(client, study, with_deleted=True)
    for run in runs:
        folder = workspace.mlflow_artifacts / run.info.run_id
        if folder.is_dir():
            shutil.rmtree(folder)
        if run.info.lifecycle_stage == "active":
            client.delete_run(run.info.run_id)
    return len(runs)


def check_runs(workspace: Workspace) -> None:
    """Raises UserError if MLflow is on a server that does not answer."""
    if workspace.tracking is not None:
        open_mlflow(workspace)


def rename_runs(workspace: Workspace, old: str, new: str) -> int:
    """Gives the runs of a study its new name: their names, tags and descriptions.

    What an interrupted call has left is done by the next one.

    Params of a run cannot change in MLflow; the next search writes the new name beside them.

    Args:
        workspace: holds MLflow's database, or names its server.
        old: name that the study had.
        new: its new name.

    Returns:
        How many runs there were.
    """
    if not workspace.holds_models:
        return 0
    client = open_mlflow(workspace)
    runs = _runs(client, old, with_deleted=False)
    for run in sorted(runs, key=lambda run: TRIAL_TAG not in run.data.tags):  # that of the study itself comes last
        name = str(run.info.run_name)
        if name == old or name.startswith(f"{old} "):  # otherwise an interrupted call has renamed it
            client.update_run(run.info.run_id, name=new + name.removeprefix(old))
        if note := run.data.tags.get(NOTE_TAG):
            client.set_tag(run.info.run_id, NOTE_TAG, with_new_name(note, old, new))
        client.set_tag(run.info.run_id, STUDY_TAG, new)
    return len(runs)


def _runs(client: MlflowClient, study: str, with_deleted: bool) -> list[Any]:
    """All runs of a study."""
    from mlflow.entities import ViewType

    experiment = client.get_experiment_by_name(EXPERIMENT)
    if experiment is None:
        return []
    wanted, token, runs = f"tags.`{STUDY_TAG}` = '{study}'", None, []
    kind = ViewType.ALL if with_deleted else ViewType.ACTIVE_ONLY
    while True:
        page = client.search_runs([experiment.experiment_id], wanted, kind, max_results=1000, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs
