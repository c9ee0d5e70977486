"""What looks after missing notes while the dashboard serves: names that other studies get, and storages that do not answer."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from optuna_dashboard import get_note
from sqlalchemy.exc import OperationalError

from dashboards.views import board_filler
from dashboards.views.board_artifacts import BoardArtifacts
from dashboards.views.board_filler import BoardFiller
from studies.definition.study import resolve
from studies.run.study_removal import delete_study
from studies.storage.backends import open_storage
from studies.storage.pareto_front import load_store
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.measured_study import measured_study


def note(workspace: Workspace) -> str:
    return get_note(load_store(workspace, "plates").optuna_study)


@pytest.mark.parametrize("looked_between", [False, True])
@pytest.mark.parametrize("trials", [False, True])
def test_a_new_study_of_a_name_gets_its_own_notes(tmp_path: Path, trials: bool, looked_between: bool) -> None:
    """SQLite gives it the ID of the study that was deleted, too."""
    workspace = measured_study(tmp_path)
    filler = BoardFiller(workspace, open_storage(workspace.optuna_url), None)
    filler.fill()
    front = note(workspace)
    assert filler.first.is_set() and "| 1 [↗]" in front
    delete_study(workspace, "plates")
    if looked_between:
        filler.fill()
    if trials:
        measured_study(tmp_path)
    else:
        study = resolve({"name": "plates", "data": {"test": False}}, "test")
        StudyStore.create_or_open(open_storage(workspace.optuna_url), study)
    filler.fill()
    assert note(workspace) and (note(workspace) == front) == trials == ("[↗]" in note(workspace))
    store = load_store(workspace, "plates")
    assert all(get_note(store.optuna_trial(trial.number)) for trial in store.trials())


@pytest.mark.parametrize("looked_between", [False, True])
def test_the_pages_do_not_show_the_trials_of_a_deleted_study(tmp_path: Path, looked_between: bool) -> None:
    """optuna-dashboard reads the same storage, whose cache knows studies by the ID that SQLite gives to the next one."""
    workspace = measured_study(tmp_path)
    storage = open_storage(workspace.optuna_url)
    filler = BoardFiller(workspace, storage, None)
    filler.fill()
    (before,) = storage.get_all_studies()
    assert storage.get_all_trials(before._study_id)
    delete_study(workspace, "plates")
    if looked_between:
        filler.fill()
    StudyStore.create_or_open(open_storage(workspace.optuna_url), resolve({"name": "plates", "data": {"test": False}}, "test"))
    filler.fill()
    (after,) = storage.get_all_studies()
    assert after._study_id == before._study_id and not storage.get_all_trials(after._study_id)


def test_a_study_without_trials_that_is_replaced_is_not_remembered(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).prepare()
    storage = open_storage(workspace.optuna_url)
    filler = BoardFiller(workspace, storage, None)
    for limit in ("1MB", "2MB"):
        study = {"name": "plates", "data": {"test": False}, "limits": {"size": limit}}
        StudyStore.create_or_open(open_storage(workspace.optuna_url), resolve(study, "test"))
        filler.fill()
        assert f"size {limit[0]}.00MB" in note(workspace)
        delete_study(workspace, "plates")


def test_a_storage_that_does_not_answer_once_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = measured_study(tmp_path)
    filler = BoardFiller(workspace, open_storage(workspace.optuna_url), "plates")

    def locked(storage: object) -> list[str]:
        raise OperationalError("SELECT", {}, Exception("database is locked"))

    with monkeypatch.context() as patched:
        patched.setattr(board_filler, "names_of_paretext", locked)
        filler.fill()
        filler.fill()
    assert filler.first.is_set(), "the address does not wait for it"
    assert not note(workspace) and capsys.readouterr().err.count("paretext: notes are not written (") == 1
    filler.fill()
    assert "| 1 [↗]" in note(workspace)


def test_mistakes_are_those_on_the_lines_of_the_study_that_has_the_name_now(shown: Workspace, tmp_path: Path) -> None:
    shutil.copytree(shown.folder, tmp_path / "runs")
    workspace = Workspace(tmp_path / "runs")
    store = load_store(workspace, "shown")
    files = BoardArtifacts(workspace, open_storage(workspace.optuna_url))
    described = (key for trial in store.trials() for key, value in trial.system_attrs.items() if '"errors.png"' in str(value))
    artifact = next(described).removeprefix("artifacts:")
    before = files.open_reader(artifact).read()
    study = store.study
    others = study.data.model_copy(update={"validation": study.data.test, "test": False})
    store.update_study(study.model_copy(update={"data": others}))
    shutil.rmtree(workspace.artifacts("shown"))
    assert files.open_reader(artifact).read() != before
