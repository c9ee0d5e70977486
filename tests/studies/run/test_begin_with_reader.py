"""A real search that begins with a registered reader and teaches it a new character."""

from __future__ import annotations

from pathlib import Path

import pytest

from examples.engine import InProcessEngine
from search_space import Architecture
from studies.definition.study import Study, resolve
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_registry import promote
from studies.registry.training_point import training_point
from studies.storage.pareto_front import load_front, load_store
from studies.workspace.paths import Workspace
from testing.small_studies import RecordingObserver, run_search
from testing.striped_lines import InMemoryLines, striped_lines, write_pairs
from trainers.base.candidate import Candidate
from trainers.base.recipe import find_recipe
from trainers.data.spec import DataSpec
from trainers.inference.reader import Reader
from trainers.trial.run import TrialJob, run_trial

SMALL = Architecture(width_percent=25, encoder_hidden=8, encoder_layers=1)
RECIPE = {"preset": "anytime", "min_epoch_lines": 100, "finish_epochs": 0}


def register_reader(workspace: Workspace, lines: Path) -> None:
    """Trains a reader of a, b, c and registers it as `reader`."""
    write_pairs(lines, striped_lines(60, 0))
    recipe = find_recipe("anytime").with_(min_epoch_lines=600, flat_start_steps=50)
    data = DataSpec(training=str(lines))
    job = TrialJob(SMALL, data, workspace.cache, recipe, 3, workspace.folder / "trainings" / "first")
    assert isinstance(run_trial(job, lambda report: True), Candidate)
    promote(training_point(job.folder), "reader", workspace, None)


def further(lines: Path, trials: int) -> Study:
    return resolve(
        {
            "name": "further",
            "data": {"source": str(lines), "test": False, "rendered": False},
            "budget": {"trials": trials, "epochs": 1},
            "search": {"begin": "models:/reader@champion", "sampler": "random", "workers": 1, "every_precision": False},
            "space": {"width_percent": [25], "encoder_layers": [1], "encoder_hidden": [8, 12, 16, 20]},
            "recipe": RECIPE,
        },
        "test",
    )


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_search_begins_with_a_registered_reader_and_goes_on_without_it(tmp_path: Path) -> None:
    workspace, observer = Workspace(tmp_path / "runs").prepare(), RecordingObserver()
    register_reader(workspace, tmp_path / "old")
    new = striped_lines(40, 5)
    write_pairs(tmp_path / "new", InMemoryLines(new.images, [text.replace("c", "d") for text in new.texts]))
    run_search(further(tmp_path / "new", 2), workspace, observer, InProcessEngine())
    first = {trial.number: trial.lineage for trial in load_store(workspace, "further").stored_trials() if trial.is_candidate}
    assert len(first) == 2 and all(lineage and lineage.parent.name == "models:/reader/1" for lineage in first.values())
    for point in load_front(workspace, "further"):
        metadata = Reader(Path(point.model)).metadata
        assert metadata.charset == ("a", "b", "d") and metadata.lineage["parent"] == "models:/reader/1"
    open_mlflow(workspace).delete_model_version("reader", "1")
    run_search(further(tmp_path / "new", 3), workspace, observer, InProcessEngine())
    assert any("can no longer begin with models:/reader/1" in note for note in observer.notes)
    later = [t for t in load_store(workspace, "further").stored_trials() if t.is_candidate and t.number not in first]
    assert len(later) == 1 and (later[0].lineage is None or later[0].lineage.parent.name == "starter")
