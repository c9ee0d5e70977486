"""The Python API does the three jobs as the command line does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from studies import front, promote, search
from studies.engines.catalog import engines
from studies.registry.model_registry import find
from studies.registry.tracker import NoTracker
from studies.run.promotion_candidate import Shrink
from studies.storage.pareto_front import load_points
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import SMALL_SPACE, RecordingObserver, study
from testing.tiny_model import tiny_model
from trainers.base.candidate import Candidate
from trainers.base.errors import UserError
from trainers.trial.run import TrialJob

TABLES = {"name": "s", "space": SMALL_SPACE, "budget": {"trials": 3, "epochs": 1}, "search": {"sampler": "random"}}


class WithModels(ScriptedEngine):
    """Its files are models that can be read."""

    def _candidates(self, job: TrialJob) -> Candidate:
        from dataclasses import replace

        made = super()._candidates(job)
        size_bytes = tiny_model(made.model).stat().st_size
        return replace(made, measurement=replace(made.measurement, size_bytes=size_bytes))


@pytest.mark.parametrize("form", ["study", "tables", "file"])
def test_a_study_is_a_value_tables_or_a_file(workspace: Workspace, tmp_path: Path, form: str) -> None:
    file = tmp_path / "s.toml"
    file.write_text('[space]\nwidth_percent = [25, 50]\n[budget]\ntrials = 2\nepochs = 1\n[search]\nsampler = "random"\n')
    asked = {"study": study(**TABLES), "tables": TABLES, "file": str(file)}[form]
    observer = RecordingObserver()
    summary = search(asked, workspace, observer, ScriptedEngine(), NoTracker())
    assert summary == observer.summary and summary.finished == {"file": 2}.get(form, 3)
    assert front("s", workspace)


def test_the_best_within_a_size_is_promoted(workspace: Workspace) -> None:
    search(TABLES, workspace, engine=WithModels(), tracker=NoTracker())
    points = load_points(workspace, "s")
    champion = promote("s", size_limit="1MB", model="reader", workspace=workspace)
    assert champion.trial == max(points, key=lambda point: point.accuracy).trial
    assert find(workspace, champion.address).tags["trial"] == str(champion.trial)
    assert promote("s", trial=points[0].trial, workspace=workspace).model == "s"
    with pytest.raises(UserError, match="no candidate within 10B"):
        promote("s", size_limit=10, workspace=workspace)


@pytest.mark.parametrize(("shrink", "expected"), [(False, None), (True, Shrink()), (0.5, Shrink(0.005)), (1, Shrink(0.01))])
def test_shrink_says_how_much_may_be_lost(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, shrink: bool | float, expected: Shrink | None
) -> None:
    asked = []
    monkeypatch.setattr("studies.run.promotion_candidate.find_candidate", lambda *arguments: asked.append(arguments[-1]))
    monkeypatch.setattr("studies.run.promotion_candidate.promote_candidate", lambda *_: None)
    promote("s", workspace=workspace, shrink=shrink)
    assert asked == [expected]
    with pytest.raises(ValueError, match="points of accuracy from 0 to 100, not 101"):
        promote("s", workspace=workspace, shrink=101)


def test_a_fault_is_one_line(workspace: Workspace) -> None:
    with pytest.raises(UserError, match=r"unknown key 'budget\.trails'; did you mean 'trials'"):
        search({"budget": {"trails": 3}}, workspace)
    with pytest.raises(UserError, match="no study is called 'plates'"):
        front("plates", workspace)


def test_importing_it_imports_nothing_heavy() -> None:
    code = "import sys, studies; print(sorted({'torch', 'optuna', 'mlflow', 'ray', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_example_of_the_readme_runs(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", readme, flags=re.DOTALL)
    (tmp_path / "plates.toml").write_text(
        'name = "plates"\n[space]\nwidth_percent = [25, 50]\n[budget]\ntrials = 2\nepochs = 1\n'
        '[search]\nsampler = "random"\nengine = "with_models"\n'
    )
    engines.register("with_models")(lambda _: WithModels())
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    try:
        exec(compile(example, "README.md", "exec"), {"__name__": "__main__"})
    finally:
        engines._registered.pop("with_models")
    *points, address = capsys.readouterr().out.splitlines()
    assert address == "models:/reader@champion" and [line.split()[0] for line in points] == [
        str(point.trial) for point in front("plates", workspace)
    ]
