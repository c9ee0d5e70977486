"""What a study or a training may begin with is found in the registry, on fronts and in files, and checked by its hash."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from search_space import Architecture
from studies.definition.study import resolve
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_lookup import find_model
from studies.registry.model_registry import find, promote
from studies.run.parents import resolve_begin
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Measured
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.relatives import CHARSET, SMALL, trained
from testing.tiny_model import tiny_model, tiny_point
from trainers.base.candidate import Measurement
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.inherit.parent import Parent
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import WeightsRecord, write_weights
from trainers.trial.training_record import TrainingRecord, record_file


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """With two versions of the model `reader`."""
    workspace = Workspace(tmp_path_factory.mktemp("runs")).prepare()
    for number in range(2):
        promote(tiny_point(workspace.folder / f"{number}.onnx", seed=number), "reader", workspace, "digits")
    return workspace


def test_random_weights_have_no_parent_and_the_starter_has_no_file(tmp_path: Path) -> None:
    assert resolve_begin("random", Workspace(tmp_path)) == ()
    (starter,) = resolve_begin("starter", Workspace(tmp_path))
    assert starter.name == "starter" and starter.file is None
    assert not list(tmp_path.iterdir()), "nothing is written"


def test_an_alias_is_recorded_as_the_version_that_it_names_now(registry: Workspace) -> None:
    (parent,) = resolve_begin("models:/reader@champion", registry)
    assert parent == resolve_begin("models:/reader/2", registry)[0]
    assert parent.name == "models:/reader/2" and parent.cer == 0.1
    assert parent.sha256 == find(registry, "models:/reader/2").tags["sha256"]
    assert parent.architecture == Architecture(width_percent=25)
    assert Parent.from_dict(parent.as_dict()) == parent


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("models:/raeder@champion", "no registered model is called 'raeder'; did you mean 'reader'?"),
        ("models:/reader/7", r"model 'reader' has no version 7; its versions are \[1, 2\]"),
        ("models:/reader@best", "model 'reader' has no alias 'best'"),
        ("study:digits", "no study is called 'digits'"),
        ("weights.pt", "could run code"),
        ("strater", "did you mean 'starter'"),
    ],
)
def test_what_is_not_there_is_named_with_the_nearest(registry: Workspace, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message):
        resolve_begin(text, registry)


def test_a_registered_file_that_was_exchanged_is_refused_and_nothing_of_its_folder_runs(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs").prepare()
    promote(tiny_point(tmp_path / "0.onnx"), "trap", workspace, "digits")
    folder = find(workspace, "models:/trap/1").folder
    (code,) = folder.rglob("line_reader.py")
    code.write_text(f"open({str(tmp_path / 'ran')!r}, 'w').close()\n" + code.read_text())
    assert resolve_begin("models:/trap/1", workspace) and not (tmp_path / "ran").exists()
    (file,) = folder.rglob("*.onnx")
    file.write_bytes(tiny_model(tmp_path / "other.onnx", seed=9).read_bytes())
    with pytest.raises(UserError, match="is damaged or was exchanged"):
        resolve_begin("models:/trap/1", workspace)


def test_a_version_that_was_deleted_is_no_longer_found(registry: Workspace, tmp_path: Path) -> None:
    promote(tiny_point(tmp_path / "0.onnx"), "gone", registry, "digits")
    promote(tiny_point(tmp_path / "1.onnx", seed=1), "gone", registry, "digits")
    open_mlflow(registry).delete_model_version("gone", "1")
    with pytest.raises(UserError, match=r"has no version 1; its versions are \[2\]"):
        resolve_begin("models:/gone/1", registry)


def test_files_say_what_they_hold(tmp_path: Path) -> None:
    workspace, exported = Workspace(tmp_path), tiny_model(tmp_path / "model.onnx")
    (parent,) = resolve_begin(str(exported), workspace)
    assert (parent.name, parent.file, parent.sha256) == ("model.onnx", exported, file_sha256(exported))
    weights = tmp_path / "w.safetensors"
    write_weights(weights, Relative.of(trained(SMALL), CHARSET), WeightsRecord(epochs=7, lines=1400, cer=0.25))
    (parent,) = resolve_begin(str(weights), workspace)
    assert (parent.epochs, parent.lines, parent.cer, parent.architecture) == (7, 1400, 0.25, SMALL)
    with pytest.raises(UserError, match=r"there is no file .*modle.onnx to begin with; beside it are model.onnx"):
        resolve_begin(str(tmp_path / "modle.onnx"), workspace)
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(UserError, match="is not a readable ONNX file"):
        resolve_begin(str(tmp_path / "text.onnx"), workspace)


def test_an_exported_file_counts_its_own_epochs_and_is_the_one_that_was_exported(tmp_path: Path) -> None:
    """The record beside the file says both."""
    file = tiny_model(tmp_path / "model.onnx")
    job = {"recipe": {}, "epochs": 4}
    record = TrainingRecord(job, 4, "0" * 16, "fp32", file_sha256(file), None, {}, "x86_64")
    record_file(file).write_text(json.dumps(record.as_dict()))
    (parent,) = resolve_begin(str(file), Workspace(tmp_path))
    assert parent.epochs == 4
    tiny_model(file, seed=1)
    with pytest.raises(
        UserError, match=r"model.onnx is not the file that was exported: its SHA-256 is not the one in model.train"
    ):
        resolve_begin(str(file), Workspace(tmp_path))
    with pytest.raises(UserError, match="is not the file that was exported"):
        find_model(str(file), Workspace(tmp_path))
    record_file(file).write_text("damaged")
    assert resolve_begin(str(file), Workspace(tmp_path))[0].epochs == 0, "what cannot be read is not known"
    assert find_model(str(file), Workspace(tmp_path)).file == file


def test_the_front_of_a_study_comes_best_first_and_without_files_that_are_gone(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs").prepare()
    study = resolve({"name": "signs"}, "test")
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    with pytest.raises(UserError, match="study 'signs' has no model that reads yet"):
        resolve_begin("study:signs", workspace)
    for number, (width, cer) in enumerate([(25, 0.3), (50, 0.2), (100, 0.1)]):
        store.ask_params({"width_percent": width}, distributions(study.search_space))
        model = tiny_model(workspace.models / "signs" / f"{number}.onnx", seed=number)
        measured = Measurement(1 - cer, cer, 1000 * width, 1.0, 1000, 100, sha256=file_sha256(model))
        outcome = Measured(measured, model.relative_to(workspace.folder), 40)
        store.close(StoredTrial.of(number, {"width_percent": width}, Architecture(width_percent=width), None, outcome))
    parents = resolve_begin("study:signs", workspace)
    assert [parent.name for parent in parents] == [f"study signs, trial {n}" for n in (2, 1, 0)]
    assert [(parent.cer, parent.epochs) for parent in parents] == [(0.1, 40), (0.2, 40), (0.3, 40)]
    (workspace.models / "signs" / "2.onnx").unlink()
    (workspace.models / "signs" / "1.onnx").write_bytes(b"damaged")
    assert [parent.name for parent in resolve_begin("study:signs", workspace)] == ["study signs, trial 0"]
    (workspace.models / "signs" / "0.onnx").unlink()
    with pytest.raises(UserError, match="no file on the front of study 'signs' is there as it was measured"):
        resolve_begin("study:signs", workspace)
