"""Searches whose candidates begin with the weights of earlier trainings of the study."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from examples.engine import InProcessEngine
from search_space import Architecture
from studies.definition.study import Study, resolve
from studies.engines.base import Event
from studies.run.beginnings import Beginnings
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.kept_weights import KeptWeights
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed
from testing.small_studies import RecordingObserver, run_search
from testing.striped_lines import striped_lines, write_pairs
from testing.tiers import slow_after
from testing.untrained import untrained
from trainers.base.progress import Report
from trainers.inherit.parent import Parent
from trainers.inherit.share import inherited_share
from trainers.inherit.weights_file import read_weights
from trainers.trial.run import TrialJob

SYMBOLS = tuple("0123456789")


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    write_pairs(folder / "lines", striped_lines(40, 0))
    return folder / "lines"


def inheriting(lines: Path, trials: int = 4, **search: Any) -> Study:
    """A study of small networks, compared after one of two epochs."""
    return resolve(
        {
            "name": "s",
            "data": {"source": str(lines), "test": False, "rendered": None},
            "budget": {"trials": trials, "epochs": 2},
            "search": {
                "begin": "random",
                "sampler": "front",
                "inherit": "always",
                "early_stopping": "promotion",
                "first_rung": 1,
            }
            | search,
            "space": {"width_percent": [25], "encoder_hidden": [8, 16, 24, 32], "encoder_layers": [1, 2]},
            "recipe": {"preset": "anytime", "min_epoch_lines": 0, "finish_epochs": 0},
        },
        "test",
    )


class Jobs:
    """Runs jobs and remembers the parents of each."""

    def __init__(self) -> None:
        self.parents: list[list[str]] = []

    def __call__(self, job: TrialJob, report: Report, until_epoch: int | None) -> Any:
        if not job.export_only:
            self.parents.append([parent.name for parent in job.parents])
        return untrained(job, report, until_epoch)


class KilledEngine(InProcessEngine):
    """Ends the search as SIGKILL would, after so many trainings have paused or ended."""

    def __init__(self, after: int) -> None:
        super().__init__(untrained)
        self._left = after

    def wait(self, timeout_s: float) -> list[Event]:
        events = super().wait(timeout_s)
        self._left -= sum(type(event).__name__ in ("TrialPaused", "TrialFinished") for event in events)
        if self._left < 0:
            raise Killed
        return events


def trained(workspace: Workspace) -> list[StoredTrial]:
    return [trial for trial in load_store(workspace, "s").stored_trials() if trial.epochs_trained]


def check_lineages(workspace: Workspace, trials: list[StoredTrial]) -> None:
    """Each kept file says what the trial of its training says."""
    lineages = {f"trial {trial.number}": trial.lineage for trial in trials}
    kept = KeptWeights(workspace.weights("s"), 1e9, pytest.fail)
    assert kept.parents
    for parent in kept.parents:
        assert parent.file is not None
        relative, record = read_weights(parent.file)
        assert relative.architecture == parent.architecture
        lineage = lineages[parent.name]
        inherited = 0 if lineage is None else lineage.epochs
        assert (record.epochs, record.cer) == (parent.epochs, parent.cer) and record.epochs > inherited
        assert record.lineage == (() if lineage is None else tuple(each.as_dict() for each in lineage.ancestors))


def test_later_candidates_begin_with_the_weights_of_earlier_ones(lines: Path, tmp_path: Path) -> None:
    workspace, jobs = Workspace(tmp_path), Jobs()
    run_search(inheriting(lines), workspace, engine=InProcessEngine(jobs))
    assert jobs.parents[0] == [] and any(jobs.parents[1:])
    trials = trained(workspace)
    inherited = [trial.lineage for trial in trials if trial.lineage is not None]
    assert trials[0].lineage is None and inherited
    assert all(lineage.share > 0.5 and lineage.epochs >= 1 and lineage.lines >= 30 for lineage in inherited)
    assert all(lineage.parent.name in {f"trial {trial.number}" for trial in trials} for lineage in inherited)
    check_lineages(workspace, trials)


def test_only_the_last_quarter_of_the_budget_begins_with_weights_of_the_study(lines: Path, tmp_path: Path) -> None:
    workspace, jobs, observer = Workspace(tmp_path), Jobs(), RecordingObserver()
    run_search(inheriting(lines, trials=8, inherit="end"), workspace, observer, InProcessEngine(jobs))
    begun = [number for number, parents in enumerate(jobs.parents) if parents]
    assert begun and begun[0] >= 6, "six of eight trials have to be done first"
    assert sum("goes into the front" in note for note in observer.notes) == 1
    check_lineages(workspace, trained(workspace))


@pytest.mark.parametrize("after", slow_after(1, [3, 5, 1], thorough=2))
def test_a_killed_search_goes_on_with_its_lineages_and_weights(lines: Path, tmp_path: Path, after: int) -> None:
    workspace, observer, jobs = Workspace(tmp_path), RecordingObserver(), Jobs()
    with pytest.raises(Killed):
        run_search(inheriting(lines), workspace, engine=KilledEngine(after))
    before = {trial.number: trial.lineage for trial in trained(workspace)}
    lost = sorted(workspace.weights("s").glob("*.safetensors"))[0]
    lost.unlink()
    run_search(inheriting(lines), workspace, observer, InProcessEngine(jobs))
    assert any("are missing from" in note for note in observer.notes)
    trials = trained(workspace)
    now = {trial.number: trial.lineage for trial in trials}
    assert {number: now[number] for number in before} == before
    assert any(trial.lineage is not None for trial in trials)
    check_lineages(workspace, trials)


def test_a_study_that_may_not_inherit_keeps_no_weights(lines: Path, tmp_path: Path) -> None:
    workspace = Workspace(tmp_path)
    run_search(inheriting(lines, trials=2, inherit="never"), workspace, engine=InProcessEngine(untrained))
    assert not workspace.weights("s").exists() and all(trial.lineage is None for trial in trained(workspace))


def chosen(kept: list[Parent], architecture: Architecture, begin: tuple[Parent, ...] = ()) -> list[str]:
    """Names of the parents of a new network, the best first."""

    class Data:
        class charset:
            symbols = SYMBOLS

    beginnings = Beginnings(begin, None, pytest.fail, {32: Data}, {}, pytest.fail, lambda: True)  # type: ignore[arg-type, dict-item]
    return [parent.name for parent in beginnings._parents(architecture, kept)]


def test_the_parent_gives_much_and_reads_well() -> None:
    small = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)

    def parent(name: str, cer: float | None, **changes: Any) -> Parent:
        return Parent(name, Path(name), None, 9, 900, cer, small.with_(**changes))

    alike, worse, other = parent("alike", 0.1), parent("worse", 0.4), parent("other", 0.05, backbone="lcnet")
    wide, foreign = parent("wide", 0.1, width_percent=50), parent("foreign", 0.1)
    assert chosen([other, worse, alike], small) == ["alike", "worse", "other"]
    assert chosen([wide, other], small)[0] == "wide", "its channels can be cut"
    assert chosen([wide, worse], small)[0] == "worse", "half of the channels of the wider one are left out"
    assert chosen([alike, worse], small, (foreign,)) == ["alike", "foreign", "worse"]
    assert chosen([], small, (foreign,)) == ["foreign"] and chosen([], small) == []


def test_the_share_is_that_of_the_real_networks() -> None:
    small = Architecture(width_percent=25, encoder_hidden=16, encoder_layers=1)
    assert inherited_share(small, small.with_(precision="int8"), SYMBOLS) == 1
    narrow, wide = small, small.with_(width_percent=50)
    assert inherited_share(narrow, wide, SYMBOLS) > 0.9 > inherited_share(wide, narrow, SYMBOLS) > 0
    assert inherited_share(small.with_(backbone="lcnet"), small, SYMBOLS) < 0.5
