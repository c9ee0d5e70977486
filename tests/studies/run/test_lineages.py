"""What networks of a study inherit is recorded with each of its trials, and survives whatever ends a run."""

from pathlib import Path
from typing import Any

import pytest

from studies.definition.study import Study, stored_study
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from testing.scripted_engine import SHARE, Killed, ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, RecordingTracker, run_search, study
from testing.tiers import slow_after
from trainers.base.lineage import Ancestor, Lineage

RANDOM: dict[str, Any] = {"search": {"sampler": "random", "begin": "random"}}
STARTER = Lineage(SHARE, (Ancestor("starter", None, 0, 0),))


class TagTracker(RecordingTracker):
    """Records the tags of each trial."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: dict[int, dict[str, Any]] = {}

    def log_trial(self, number: int, *rest: Any, **named: Any) -> None:
        self.tags[number] = dict(rest[4])


def trials(workspace: Workspace) -> list[StoredTrial]:
    return load_store(workspace, "s").stored_trials()


def starting(**search: Any) -> Study:
    return study(**HALVING | {"search": HALVING["search"] | {"begin": "starter"} | search})


def test_every_record_of_a_trial_names_its_parent(tmp_path: Path) -> None:
    tracker, workspace = TagTracker(), Workspace(tmp_path)
    changes: dict[str, Any] = {"search": {"sampler": "random", "begin": "starter"}}
    changes["space"] = {"width_percent": [25, 50], "precision": ["fp32", "int8"]}
    run_search(study(**changes), workspace, engine=ScriptedEngine(), tracker=tracker)
    measured = [trial for trial in trials(workspace) if trial.is_candidate]
    assert {trial.outcome.name for trial in measured} == {"measured", "precision_variant"}
    assert all(trial.lineage == STARTER for trial in measured)
    for trial in load_store(workspace, "s").trials():
        if trial.user_attrs["outcome"] in ("measured", "precision_variant"):
            assert (trial.user_attrs["parent"], trial.user_attrs["inherited_share"]) == ("starter", SHARE)
            assert trial.user_attrs["lineage_epochs"] == 0
            assert tracker.tags[trial.number]["parent"] == "starter"


def test_random_weights_leave_no_record(tmp_path: Path) -> None:
    run_search(study(**RANDOM), Workspace(tmp_path), engine=ScriptedEngine())
    assert all(trial.lineage is None for trial in trials(Workspace(tmp_path)))
    assert not any("parent" in trial.user_attrs for trial in load_store(Workspace(tmp_path), "s").trials())


@pytest.mark.parametrize("break_after", slow_after(2, [3, 15, 1, 8], thorough=3))
def test_a_killed_search_keeps_its_lineages(tmp_path: Path, break_after: int) -> None:
    workspace, first = Workspace(tmp_path), ScriptedEngine(break_after=break_after)
    with pytest.raises(Killed):
        run_search(starting(), workspace, engine=first)
    second = ScriptedEngine()
    second.epochs, second.lineages = first.epochs, first.lineages
    run_search(starting(), workspace, engine=second)
    trained = [trial for trial in trials(workspace) if trial.epochs_trained]
    assert trained and all(trial.lineage == STARTER for trial in trained)


def test_a_resumed_study_keeps_its_beginning_and_says_so(tmp_path: Path) -> None:
    workspace, observer = Workspace(tmp_path), RecordingObserver()
    run_search(study(**RANDOM), workspace, engine=ScriptedEngine())
    more: dict[str, Any] = {"budget": {"trials": 7, "epochs": 2}, "search": {"sampler": "random", "begin": "starter"}}
    run_search(study(**more), workspace, observer, ScriptedEngine())
    assert any("search.begin are ignored" in note for note in observer.notes)
    assert load_store(workspace, "s").study.search.begin == "random"
    assert all(trial.lineage is None for trial in trials(workspace))


def test_a_study_stored_before_there_was_a_choice_begins_with_random_weights() -> None:
    values = study().model_dump(mode="json")
    for key in ("begin", "inherit", "weights_limit"):
        del values["search"][key]
    assert (stored_study(values, "s").search.begin, stored_study(values, "s").search.inherit) == ("random", "never")
