"""Finds artifacts by their ID, and keeps pictures that were drawn and files that someone has added in the dashboard."""

from __future__ import annotations

import json
from pathlib import Path

from optuna.artifacts import FileSystemArtifactStore
from optuna.artifacts.exceptions import ArtifactNotFound

from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.storage.trial_artifacts import PREFIX
from studies.storage.trial_attributes import parse

__all__ = ["ArtifactNotFound", "artifact_folder", "find_artifact"]


def find_artifact(store: StudyStore, artifact: str) -> tuple[StoredTrial, str] | None:
    """The trial that has an artifact, and the file name of the artifact; None if no trial of the study has it."""
    for trial in store.trials():
        described = trial.system_attrs.get(f"{PREFIX}{artifact}")
        if described is not None and (meta := json.loads(described)) is not None:  # null: someone has deleted it
            return parse(trial), str(meta["filename"])
    return None


def artifact_folder(folder: Path) -> FileSystemArtifactStore:
    """Optuna's store of artifacts in a folder, one file for each ID; the folder need not exist to read."""
    return FileSystemArtifactStore(folder)
