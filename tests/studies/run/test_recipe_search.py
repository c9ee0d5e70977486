"""A study that searches recipe settings: what a trial trains is an architecture with its values of them."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from studies.definition.study import Study
from studies.engines.base import TrialFailed
from studies.run.search import search
from studies.storage.outcomes import Failed, Measured, PrecisionVariantOf
from studies.storage.pareto_front import load_front, load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import RecordingTracker, run_search, study
from trainers.trial.run import TrialJob

RECIPE = {"preset": "anytime", "learning_rate": [0.002, 0.01], "augmentation": [0, 0.4]}
SPACE = {"width_percent": [25, 50], "encoder_hidden": [24]}


class Jobs(ScriptedEngine):
    """Keeps the jobs that train."""

    def __init__(self, **script: Any) -> None:
        super().__init__(**script)
        self.jobs: dict[int, TrialJob] = {}

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        if not job.export_only:
            self.jobs[number] = job
        super().submit(number, job, until_epoch)


def asked(**changes: Any) -> Study:
    values: dict[str, Any] = {"recipe": RECIPE, "space": SPACE, "budget": {"trials": 8, "epochs": 2}}
    return study(**(values | changes))


def stored(workspace: Workspace) -> list[StoredTrial]:
    return load_store(workspace, "s").stored_trials()


def places(trials: Iterable[StoredTrial]) -> set[tuple[Any, ...]]:
    return {(t.fields["width_percent"], *t.recipe.values()) for t in trials if t.fields is not None}


WHOLE = set(itertools.product((25, 50), (0.002, 0.01), (0.0, 0.4)))


@pytest.mark.parametrize("sampler", ["front", "tpe", "random"])
def test_a_small_space_is_used_up_with_every_sampler(workspace: Workspace, sampler: str) -> None:
    engine = Jobs()
    search_ = {"sampler": sampler, "early_stopping": "promotion"}
    run_search(asked(search=search_, budget={"trials": 20, "epochs": 2}), workspace, None, engine)
    trials = [trial for trial in stored(workspace) if isinstance(trial.outcome, Measured)]
    assert places(trials) == WHOLE and len(trials) == len(engine.trained) == len(set(engine.trained)) == 8
    for trial in trials:
        job, configuration = engine.jobs[trial.number], trial.configuration
        assert configuration is not None and job.folder.name == configuration.digest == trial.digest
        recipe = {f"recipe.{name}": getattr(job.recipe, name) for name in ("learning_rate", "augmentation")}
        assert trial.params == {"width_percent": job.architecture.width_percent, **recipe}
        assert job.recipe.ema_decay == 0.998, "the rest is that of the preset"


def test_a_killed_search_trains_nothing_twice_and_keeps_each_recipe(workspace: Workspace) -> None:
    first = Jobs(break_after=5)
    with pytest.raises(Killed):
        run_search(asked(), workspace, None, first)
    left = {trial.number: trial.recipe for trial in stored(workspace)}
    second = Jobs()
    run_search(asked(), workspace, None, second)
    trials = stored(workspace)
    assert places(trials) == WHOLE and len(trials) == 8
    assert all(trial.recipe == left[trial.number] for trial in trials if trial.number in left)
    assert sorted(first.trained + second.trained) == sorted(str(trial.digest) for trial in trials)
    assert all(job.recipe.learning_rate == trials[number].recipe["learning_rate"] for number, job in second.jobs.items())


def test_precision_variants_have_the_recipe_of_their_training(workspace: Workspace) -> None:
    run_search(asked(space=SPACE | {"precision": ["fp32", "int8"]}), workspace, None, engine := Jobs())
    trials = stored(workspace)
    variants = [trial for trial in trials if isinstance(trial.outcome, PrecisionVariantOf)]
    assert len(engine.trained) == len(variants) == 8
    for trial in variants:
        of = trials[trial.outcome.trial]  # type: ignore[union-attr]
        assert trial.recipe == of.recipe and trial.digest != of.digest
        assert {**trial.params, "precision": None} == {**of.params, "precision": None}


def test_a_failure_is_of_one_recipe(workspace: Workspace) -> None:
    """A learning rate that diverges says nothing of the same architecture with a lower one."""

    class Diverges(Jobs):
        def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
            if job.recipe.learning_rate == 0.01:
                self._script[job.architecture.digest] = TrialFailed
            super().submit(number, job, until_epoch)

    run_search(asked(search={"sampler": "random"}), workspace, None, Diverges(slots=1))
    outcomes = {(t.recipe["learning_rate"], type(t.outcome)) for t in stored(workspace)}
    assert outcomes == {(0.01, Failed), (0.002, Measured)}


def test_the_front_its_json_and_a_warm_start_have_the_recipe(workspace: Workspace, tmp_path: Path) -> None:
    run_search(asked(), workspace, None, Jobs())
    front = load_front(workspace, "s")
    trials = {trial.number: trial for trial in stored(workspace)}
    for point in front:
        assert point.recipe == {"preset": "anytime", **trials[point.trial].recipe}
        assert point.configuration == trials[point.trial].configuration
        assert point.configuration.describe().endswith(f"aug {point.recipe['augmentation']:g}")
    (tmp_path / "front.json").write_text(json.dumps([point.as_dict() for point in front]), encoding="utf-8")
    for name, entry in (("t", "front:s"), ("u", str(tmp_path / "front.json"))):
        search_ = {"sampler": "random", "warm_start": entry}
        wider = RECIPE | {"learning_rate": [0.001, 0.002, 0.01]}
        budget = {"trials": len(front), "epochs": 2}
        run_search(asked(name=name, recipe=wider, search=search_, budget=budget), workspace, None, engine := Jobs())
        assert engine.trained == [point.configuration.digest for point in front]


def test_a_warm_start_from_elsewhere_has_the_defaults(workspace: Workspace) -> None:
    search_ = {"sampler": "random", "warm_start": "mobilev3_small_1.0"}
    run_search(asked(search=search_, budget={"trials": 1, "epochs": 2}), workspace, None, engine := Jobs())
    (job,) = engine.jobs.values()
    assert (job.recipe.learning_rate, job.recipe.augmentation) == (0.01, 0.4)


def test_the_tracker_gets_recipe_settings_as_params(workspace: Workspace) -> None:
    class Fields(RecordingTracker):
        def log_trial(self, number: int, architecture: Any, *_: Any, **__: Any) -> None:
            self.calls.append((number, architecture["recipe.learning_rate"], architecture["backbone"]))

    search(asked(), workspace, None, Jobs(), tracker := Fields())
    assert {call[1:] for call in tracker.trials} == {(rate, "mobilenetv3_small") for rate in (0.002, 0.01)}
