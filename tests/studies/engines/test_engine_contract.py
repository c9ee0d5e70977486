"""The local engine and the example keep the contract of engines; a study names an engine that is in the catalog."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from examples.engine import InProcessEngine
from search_space.catalog import UnknownComponent
from studies.definition.sections import Search
from studies.definition.study import resolve
from studies.engines.base import Engine
from studies.engines.catalog import engines
from studies.engines.local import LocalEngine
from studies.registry.tracker import NoTracker
from studies.run.search import search
from studies.storage.pareto_front import load_front
from studies.workspace.paths import Workspace
from testing.engine_contract import EngineContract, count_epochs
from trainers.base.errors import UserError
from trainers.trial.run import TrialRunner


class TestLocalEngine(EngineContract):
    def make(self, run: TrialRunner) -> Engine:
        return LocalEngine(2, run)


class TestExample(EngineContract):
    def make(self, run: TrialRunner) -> Engine:
        return InProcessEngine(run)


def test_a_study_runs_on_an_engine_of_the_catalog_by_its_name(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(engines._registered, "in_process", lambda search: InProcessEngine(count_epochs))
    asked = {"name": "s", "space": {"width_percent": [25, 50]}, "budget": {"trials": 2, "epochs": 2}}
    study = resolve({**asked, "search": {"engine": "in_process", "sampler": "random"}}, "test")
    assert search(study, workspace, tracker=NoTracker()).finished == 2 and load_front(workspace, "s")


def test_an_unknown_engine_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(UserError, match=r"search\.engine: no engine is called 'locale'; did you mean 'local'\?"):
        resolve({"search": {"engine": "locale"}}, "test")
    with pytest.raises(UnknownComponent, match="did you mean 'ray'"):
        engines["rays"]


def test_the_local_engine_starts_as_many_workers_as_the_settings_say() -> None:
    engine = engines["local"](Search(workers=1))
    try:
        assert engine.slots == 1
    finally:
        engine.close()


def test_engines_are_named_and_checked_without_importing_ray_or_torch(tmp_path: Path) -> None:
    script = (
        "import sys\nfrom studies.definition.study import resolve\nfrom studies.engines.catalog import engines\n"
        "resolve({'search': {'engine': 'ray'}}, 'test')\n"
        "assert {'local', 'ray'} <= set(engines.names())\n"
        "print([name for name in ('ray', 'torch', 'mlflow') if name in sys.modules])\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
