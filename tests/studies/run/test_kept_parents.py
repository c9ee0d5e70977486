"""A study begins with the same weights in every run, and goes on without those that are gone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from studies.definition.study import Study
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import promote
from studies.run.kept_parents import keep_parents, parents_of
from studies.run.parents import resolve_begin
from studies.storage.backends import open_storage
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.small_studies import study
from testing.tiny_model import tiny_model, tiny_point
from trainers.base.errors import UserError
from trainers.inherit.parent import Parent


def beginning_with(text: str) -> Study:
    return study(search={"sampler": "random", "begin": text})


def stored(workspace: Workspace, begun: Study) -> StudyStore:
    """The study after its first run."""
    notes: list[str] = []
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), begun)
    keep_parents(store, parents_of(begun, None, workspace, notes.append), workspace)
    assert not notes
    return StudyStore.open(open_storage(workspace.optuna_url), begun.name)


def test_an_alias_that_moves_on_and_a_version_that_is_deleted(tmp_path: Path) -> None:
    workspace, notes = Workspace(tmp_path / "runs").prepare(), list[str]()
    promote(tiny_point(tmp_path / "0.onnx"), "reader", workspace, "digits")
    begun = beginning_with("models:/reader@champion")
    store = stored(workspace, begun)
    promote(tiny_point(tmp_path / "1.onnx", seed=1), "reader", workspace, "digits")
    (kept,) = parents_of(begun, store, workspace, notes.append)
    assert kept == resolve_begin("models:/reader/1", workspace)[0] and not notes
    workspace.folder.rename(tmp_path / "moved")
    moved = Workspace(tmp_path / "moved")
    (found,) = parents_of(begun, store, moved, notes.append)
    assert found.file is not None and found.file.is_relative_to(moved.folder) and not notes
    open_mlflow(moved).delete_model_version("reader", "1")
    assert parents_of(begun, store, moved, notes.append) == (Parent("starter"),)
    assert "can no longer begin with models:/reader/1: model 'reader' has no version 1; its versions are [2]" in notes[0]
    assert "begin with starter weights where there are some for their backbone, or with random ones" in notes[1]


def test_of_several_parents_those_that_are_left_are_used(tmp_path: Path) -> None:
    workspace, notes = Workspace(tmp_path / "runs").prepare(), list[str]()
    begun, files = beginning_with("random"), [tiny_model(workspace.folder / f"{n}.onnx", seed=n) for n in range(3)]
    parents = [replace(resolve_begin(str(file), workspace)[0], name=f"study signs, trial {n}") for n, file in enumerate(files)]
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), begun)
    keep_parents(store, parents, workspace)
    keep_parents(store, parents[:1], workspace)
    assert parents_of(begun, store, workspace, notes.append) == tuple(parents), "the first record stays"
    files[0].unlink()
    files[1].write_bytes(b"another")
    assert parents_of(begun, store, workspace, notes.append) == (parents[2],)
    assert len(notes) == 2 and "trial 0" in notes[0] and "is missing" in notes[0]
    assert "is another file than the study began with" in notes[1]


def test_the_first_run_of_a_study_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no registered model is called 'reader'"):
        parents_of(beginning_with("models:/reader@champion"), None, Workspace(tmp_path), lambda _: None)
    store, _ = StudyStore.create_or_open(open_storage(Workspace(tmp_path).prepare().optuna_url), beginning_with("random"))
    assert parents_of(beginning_with("random"), store, Workspace(tmp_path), lambda _: None) == ()
