"""A pruned candidate is compared and exported only after its cut."""

from __future__ import annotations

from typing import Any

import pytest

from studies.run.schedule import Schedule
from studies.storage.outcomes import CheckpointOf, Measured, Stopped
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import RungResult, StoredTrial
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, run_search, study
from trainers.pruning.phases import Phases

SPACE = {
    "width_percent": [25, 50, 75, 100],
    "encoder_hidden": [24, 48],
    "prune_percent": [0, 80],
    "prune_criterion": ["l1"],
}
CHANGES: dict[str, Any] = {**HALVING, "space": SPACE, "budget": {"trials": 16, "epochs": 27}}


def of(workspace: Workspace, prune_percent: int) -> list[StoredTrial]:
    trials = load_store(workspace, "s").stored_trials()
    return [t for t in trials if t.fields and t.fields["prune_percent"] == prune_percent]


def test_a_candidate_that_is_pruned_is_compared_only_after_its_cut(workspace: Workspace) -> None:
    asked = study(**CHANGES)
    run_search(asked, workspace, None, ScriptedEngine())
    cut_after = Phases.of(asked.training_recipe, 27, 80).cut_after
    assert cut_after is not None
    rungs = {0: {1, 3, 9}, 80: {rung for rung in (1, 3, 9) if rung > cut_after}}
    for prune_percent, may_be in rungs.items():
        trained = [t for t in of(workspace, prune_percent) if isinstance(t.outcome, Measured | Stopped)]
        assert len(trained) == 8
        assert {rung for t in trained for rung in t.rungs} == may_be
        assert any(isinstance(t.outcome, Stopped) for t in trained)


def test_a_pruned_training_is_exported_at_its_rungs(workspace: Workspace) -> None:
    asked = study(**{**CHANGES, "space": {**SPACE, "prune_percent": [80]}, "budget": {"trials": 8, "epochs": 27}})
    run_search(asked, workspace, None, ScriptedEngine())
    cut_after = Phases.of(asked.training_recipe, 27, 80).cut_after
    assert cut_after is not None
    exported = {t.outcome.epochs for t in of(workspace, 80) if isinstance(t.outcome, CheckpointOf)}
    assert exported == {rung for rung in (1, 3, 9) if rung > cut_after}


@pytest.mark.parametrize("moment", [2, 5, 9, 14])
def test_a_killed_search_compares_pruned_candidates_after_their_cut_as_well(workspace: Workspace, moment: int) -> None:
    with pytest.raises(Killed):
        run_search(study(**CHANGES), workspace, None, engine := ScriptedEngine(break_after=moment))
    again = ScriptedEngine()
    again.epochs = dict(engine.epochs)
    run_search(study(**CHANGES), workspace, None, again)
    trained = [t for t in of(workspace, 80) if isinstance(t.outcome, Measured | Stopped)]
    assert len(trained) == 8 and all(t.rungs for t in trained if isinstance(t.outcome, Stopped))


def test_what_earlier_versions_recorded_before_a_cut_ranks_nothing() -> None:
    asked = study(**{**CHANGES, "search": {**HALVING["search"], "early_stopping": "promotion"}})
    schedule = Schedule(asked, asked.joint_space)
    fields = asked.search_space.sample(lambda name, choices: choices[-1]).as_dict()
    params = {name: values[-1] for name, values in SPACE.items()}
    before = StoredTrial(0, params, fields=fields, rungs={1: RungResult(0.1, 0.5), 3: RungResult(0.05, 0.7)})
    schedule.replay([before])
    assert schedule.next_promotion(force=True) is None
    schedule.replay([StoredTrial(1, params, fields=fields | {"prune_percent": 0}, rungs=before.rungs)])
    promotion = schedule.next_promotion(force=True)
    assert promotion is not None and promotion.trial == 1
