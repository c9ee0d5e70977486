"""A workspace folder with a small study in it: real records, and files that read nonsense but read."""

from __future__ import annotations

from pathlib import Path

from search_space import Architecture
from studies.definition.study import resolve
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.tiny_model import tiny_model
from trainers.base.candidate import Measurement
from trainers.base.file_digest import file_sha256

WIDTHS = (25, 50)


def measured_study(folder: Path, name: str = "plates", storage: str | None = None) -> Workspace:
    """A study with two measured trials.

    Args:
        folder: of the workspace; made when missing.
        name: of the study.
        storage: URL of its storage; None: a SQLite file in the folder.
    """
    workspace = Workspace(folder, storage).prepare()
    study = resolve({"name": name, "data": {"test": False}}, "test")
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url, print), study)
    asked = distributions(study.search_space)
    for number, width in enumerate(WIDTHS):
        store.ask_params({"width_percent": width}, asked)
        model = tiny_model(workspace.models / name / f"{number}.onnx", seed=number)
        measured = Measurement(0.5 + number / 10, 0.1, model.stat().st_size, 0.4, 1_000, 500, sha256=file_sha256(model))
        outcome = Measured(measured, model.relative_to(workspace.folder), 40)
        store.close(StoredTrial.of(number, {"width_percent": width}, Architecture(width_percent=width), None, outcome))
    return workspace
