"""Finds the record of how a model file was trained: beside it, in the registry, or by its hash in the workspace."""

from __future__ import annotations

from pathlib import Path

from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.trial.training_record import SUFFIX, TrainingRecord, read_record, record_file


def find_record(file: Path, sha256: str, workspace: Workspace) -> TrainingRecord:
    """The record of a model file.

    Args:
        file: the ONNX file.
        sha256: its hash. A record of another file of that name is not taken.
        workspace: whose studies, trainings and registered models are searched, so that a copy of a file is known too.

    Raises:
        UserError: there is none, or it is damaged.
    """
    beside = [record_file(file), *file.parent.glob(f"*{SUFFIX}")]  # MLflow keeps both files of a version in one folder
    for path in (*beside, *records_in(workspace)):
        try:
            record = read_record(path)
        except FileNotFoundError:
            continue
        except UserError:
            if path in beside[:1]:
                raise
            continue
        if record.sha256 == sha256:
            return record
    raise UserError(
        f"there is no record of how {file} was trained: it was made by an earlier version or in another workspace; "
        f"set PARETEXT_HOME to that workspace, or name the trial's own file"
    )


def records_in(workspace: Workspace) -> list[Path]:
    """The records of all models of a workspace, in the order of their names."""
    places = (workspace.models, workspace.folder / "trainings", workspace.mlflow_artifacts, workspace.downloads)
    return [path for place in places if place.is_dir() for path in sorted(place.rglob(f"*{SUFFIX}"))]
