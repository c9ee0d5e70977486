"""A workspace folder with a small study in it: real records, and models that read nonsense but read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from search_space import Architecture
from studies.definition.study import resolve
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured, OverLimit
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from testing.tiny_model import tiny_model
from trainers.base.candidate import Measurement
from trainers.base.file_digest import file_sha256

ACCURACIES = {25: 0.5, 50: 0.75, 75: 0.7, 100: 0.9}
"""Width to accuracy; the sizes grow with the width, so the third is beaten by the second."""
FRONT_TRIALS = [0, 1, 3]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With the study `plates`: four trained trials, one over budget; and `empty`: none."""
    workspace = Workspace(tmp_path_factory.mktemp("runs")).prepare()
    storage = open_storage(workspace.optuna_url)
    study = resolve({"name": "plates"}, "test")
    store, _ = StudyStore.create_or_open(storage, study)
    asked = distributions(study.search_space)
    for number, (width, accuracy) in enumerate(ACCURACIES.items()):
        architecture = Architecture(width_percent=width)
        assert store.ask_params({"width_percent": width}, asked).number == number
        model = workspace.models / "plates" / f"{number}.onnx"
        size_bytes = _padded(tiny_model(model, seed=number), width)
        measured = Measurement(accuracy, 0.1, size_bytes, 0.4, 1_000 * width, 500, sha256=file_sha256(model))
        outcome = Measured(measured, model.relative_to(workspace.folder), 40)
        store.close(StoredTrial.of(number, {"width_percent": width}, architecture, None, outcome))
    last = store.ask_params({"width_percent": 100}, asked)
    store.close(StoredTrial(last.number, last.params, OverLimit("too big", 0.5)))
    StudyStore.create_or_open(storage, resolve({"name": "empty"}, "test"))
    return workspace


def _padded(model: Path, width: int) -> int:
    """Gives a file bytes in proportion to a width, in metadata that nobody reads; returns the bytes."""
    import onnx

    loaded = onnx.load(model)
    entry = loaded.metadata_props.add()
    entry.key, entry.value = "padding", "x" * 1_000 * width
    onnx.save(loaded, model)
    return model.stat().st_size


@pytest.fixture(scope="session")
def shown(tmp_path_factory: pytest.TempPathFactory, copy_of_shown_study: Callable[[Path], Workspace]) -> Workspace:
    """With the study `shown`, which has a trial of every fate; for reading only."""
    return copy_of_shown_study(tmp_path_factory.mktemp("shown") / "runs")


@pytest.fixture
def paretext(workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Commands:
    """Runs a command in this process."""
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Commands(capsys)
