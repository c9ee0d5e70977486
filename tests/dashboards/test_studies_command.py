"""The list of studies, and what renaming and deleting one does."""

from __future__ import annotations

import base64
import io
import json
import shutil
import time
from pathlib import Path

import pytest

from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.quick_look import runs_of_studies
from studies.registry.run_records import NOTE_TAG
from studies.registry.run_tracker import RunTracker
from studies.storage.backends import open_storage
from studies.storage.lease import LEASE_KEY
from studies.storage.pareto_front import load_points, load_store
from studies.storage.stored_names import names_of_paretext
from studies.storage.study_attributes import read_value, write_value
from studies.workspace.paths import Workspace
from testing.command_runs import Commands
from trainers.base.file_lock import locked


def test_the_list_has_every_study_with_its_best_candidate(paretext: Commands, workspace: Workspace) -> None:
    plates, empty = json.loads(paretext("studies", "--json").out)
    assert (plates["name"], plates["state"], plates["trials"], plates["wanted_trials"]) == ("plates", "stopped", 4, 24)
    assert (plates["best_trial"], plates["best_accuracy"]) == (3, 0.9)
    assert plates["files_bytes"] == sum(file.stat().st_size for file in (workspace.models / "plates").iterdir())
    assert (empty["name"], empty["state"], empty["best_trial"], empty["changed"]) == ("empty", "not started", None, None)
    lines = paretext("studies").out.splitlines()
    assert lines[1].split()[:5] == ["plates", "stopped", "4", "of", "24"] and lines[2].split()[:3] == [
        "empty",
        "not",
        "started",
    ]


@pytest.fixture
def copy(workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A copy of the workspace, in which studies may be deleted."""
    shutil.copytree(workspace.folder, tmp_path / "runs")
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "runs"))
    return Workspace(tmp_path / "runs")


def listed(paretext: Commands) -> list[str]:
    return [study["name"] for study in json.loads(paretext("studies", "--json").out)]


def test_a_study_is_renamed_and_deleted_with_its_files_and_mlflow_runs_and_its_models_stay(
    paretext: Commands, copy: Workspace
) -> None:
    tracker = RunTracker(copy, "plates")
    tracker.start({"name": "plates"})
    tracker.log_trial(3, {"width_percent": 100}, {"accuracy": 0.9}, "measured", copy.models / "plates" / "3.onnx")
    tracker.finish()
    assert paretext("promote", "plates", "--as", "kept").code == 0
    copy.log("plates").parent.mkdir(parents=True)
    copy.log("plates").write_text("{}\n")
    runs = runs_of_studies(copy)["plates"]
    assert any((copy.mlflow_artifacts / run).exists() for run in runs)

    assert paretext("studies", "rename", "plates", "cars").code == 0
    assert listed(paretext) == ["cars", "empty"]
    assert sorted(runs_of_studies(copy)["cars"]) == sorted(runs) and "plates" not in runs_of_studies(copy)
    notes = [open_mlflow(copy).get_run(run).data.tags[NOTE_TAG] for run in runs]
    assert any("paretext promote cars --trial 3" in note for note in notes) and not any("plates" in note for note in notes)
    assert copy.log("cars").read_text() == "{}\n" and not any(folder.exists() for folder in copy.folders("plates"))

    assert paretext("studies", "delete", "cars", "--yes").code == 0
    assert listed(paretext) == ["empty"]
    assert not any(folder.exists() for folder in copy.folders("cars"))
    assert not any((copy.mlflow_artifacts / run).exists() for run in runs)
    image = copy.folder / "line.png"
    image.write_bytes(base64.b64decode(example_png_base64("12")))
    assert paretext("predict", image, "--model", "kept").code == 0
    assert "no study is called 'cars'" in paretext("front", "cars").err


def test_an_interrupted_deletion_can_be_repeated(paretext: Commands, copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:

        def fails(path: Path) -> None:
            raise OSError(5, "input/output error", str(path))

        patched.setattr("studies.run.study_removal.shutil.rmtree", fails)
        assert paretext("studies", "delete", "plates", "--yes").code == 2
    assert "plates" in listed(paretext)
    assert paretext("studies", "delete", "plates", "--yes").code == 0
    assert listed(paretext) == ["empty"]


def test_files_of_a_study_that_the_dashboard_deleted_are_listed_and_deleted(paretext: Commands, copy: Workspace) -> None:
    store = load_store(copy, "plates")
    store._storage.delete_study(store.optuna_study._study_id)
    assert [s["state"] for s in json.loads(paretext("studies", "--json").out) if s["name"] == "plates"] == ["files only"]
    assert paretext("studies", "delete", "plates", "--yes").code == 0
    assert listed(paretext) == ["empty"] and not (copy.models / "plates").exists()


def is_whole(workspace: Workspace, name: str) -> bool:
    """Whether a study has its trials and the file of each candidate."""
    points = load_points(workspace, name)
    study = load_store(workspace, name).study
    return (
        study.name == name
        and [point.trial for point in points] == [0, 1, 2, 3]
        and all(Path(point.model).parent == workspace.models / name and Path(point.model).is_file() for point in points)
    )


@pytest.mark.parametrize("step", ["check_runs", "_link_folders", "rename_stored", "follow_parents", "shutil.rmtree"])
def test_a_renaming_that_is_killed_leaves_one_whole_study_and_can_be_repeated(
    paretext: Commands, copy: Workspace, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    copy.log("plates").parent.mkdir(parents=True)
    copy.log("plates").write_text("{}\n")
    with monkeypatch.context() as patched:

        def killed(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        patched.setattr(f"studies.run.study_renaming.{step}", killed)
        assert paretext("studies", "rename", "plates", "cars").code == 130
    there = [name for name in ("plates", "cars") if name in studies_in(copy)]
    assert len(there) == 1 and is_whole(copy, there[0])
    assert paretext("studies", "rename", "plates", "cars").code == 0
    assert listed(paretext) == ["cars", "empty"] and is_whole(copy, "cars")
    assert [file.name for file in copy.study("cars").iterdir()] == ["log.jsonl"]
    assert not any(folder.exists() for folder in copy.folders("plates"))
    assert read_value(load_store(copy, "cars").optuna_study, LEASE_KEY) == {}


def studies_in(workspace: Workspace) -> list[str]:
    return names_of_paretext(open_storage(workspace.optuna_url))


def test_what_cannot_be_renamed_stays_as_it_is(paretext: Commands, copy: Workspace) -> None:
    (copy.models / "other").mkdir()
    (copy.models / "other" / "0.onnx").write_bytes(b"x")
    write_value(load_store(copy, "plates").optuna_study, LEASE_KEY, {"owner": "elsewhere:7", "until": time.time() + 60})
    for names, reason in (
        (("plates", "empty"), "is being run by elsewhere:7"),
        (("empty", "plates"), "a study is called 'plates' already"),
        (("empty", "other"), "'other' has files in"),
        (("empty", "a b"), "'a b' cannot name a study"),
        (("empty", "empty"), "has that name already"),
        (("emty", "new"), "did you mean 'empty'"),
    ):
        answer = paretext("studies", "rename", *names)
        assert answer.code == 2 and reason in answer.err
    with locked(copy.lock("study-empty")):
        assert "is being run by another process" in paretext("studies", "rename", "empty", "new").err
    assert (studies_in(copy), listed(paretext)) == (["plates", "empty"], ["plates", "empty", "other"])


def test_it_is_refused_without_a_question_and_while_a_search_runs(paretext: Commands, copy: Workspace) -> None:
    assert "add --yes" in paretext("studies", "delete", "plates").err
    with locked(copy.lock("study-plates")):
        answer = paretext("studies", "delete", "plates", "--yes")
    assert answer.code == 2 and "is being run by another process" in answer.err
    write_value(load_store(copy, "plates").optuna_study, LEASE_KEY, {"owner": "elsewhere:7", "until": time.time() + 60})
    assert "is being run by elsewhere:7" in paretext("studies", "delete", "plates", "--yes").err
    assert "running on elsewhere" in paretext("studies").out
    assert "did you mean 'plates'" in paretext("studies", "delete", "plate", "--yes").err
    assert "plates" in listed(paretext)


def test_it_asks_on_a_terminal(paretext: Commands, copy: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for reply, left in (("n", ["plates", "empty"]), ("", ["plates", "empty"]), ("y", ["empty"])):
        typed = Terminal(f"{reply}\n")
        monkeypatch.setattr("sys.stdin", typed)
        answer = paretext("studies", "delete", "plates")
        assert "[y/N]" in answer.out and answer.code == (0 if reply == "y" else 1)
        assert listed(paretext) == left


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self) -> bool:
        return True
