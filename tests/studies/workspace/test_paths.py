"""All files of a workspace lie in its folder."""

from pathlib import Path

import pytest

from studies.workspace.paths import Workspace, check_study_name
from trainers.base.errors import UserError


def test_runs_in_the_current_folder_is_the_default(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("PARETEXT_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Workspace.of_environment().folder == tmp_path.resolve() / "runs"


def test_the_environment_names_another_folder_and_everything_lies_in_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(tmp_path / "else where"))
    workspace = Workspace.of_environment().prepare()
    paths = [
        workspace.optuna_file,
        workspace.mlflow_file,
        workspace.mlflow_artifacts,
        workspace.models,
        workspace.cache,
        workspace.trials("a"),
        workspace.lock("b"),
    ]
    assert workspace.folder.is_dir()
    assert all(path.is_relative_to(workspace.folder) for path in paths)
    assert len(set(paths)) == len(paths)


def test_a_folder_that_cannot_be_made_is_one_clear_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match="PARETEXT_HOME"):
        Workspace(tmp_path / "file" / "runs").prepare()


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "with space", "x" * 81, "quote'"])
def test_names_that_could_leave_the_folder_or_break_a_query_are_refused(name: str) -> None:
    with pytest.raises(UserError, match="cannot name a study"):
        check_study_name(name)
