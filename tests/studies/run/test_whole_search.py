"""A small search with nothing replaced: two worker processes, real trainings, MLflow, and latency as an objective."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, TrialState

from studies.definition.study import resolve
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_records import KIND_TAG, STATE_TAG, TRIAL_TAG
from studies.run.search import search
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.workspace.paths import Workspace
from testing.small_studies import RecordingObserver
from testing.striped_lines import striped_lines, write_pairs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """After a search of two trainings, each stored in two precisions."""
    folder = tmp_path_factory.mktemp("whole")
    write_pairs(folder / "lines", striped_lines(40, 0))
    values: dict[str, Any] = {
        "name": "whole",
        "data": {"source": str(folder / "lines")},
        "recipe": {"preset": "anytime", "min_epoch_lines": 0},  # shows the forty lines once
        "space": {"width_percent": [25], "encoder_hidden": [8, 16], "precision": ["fp32", "int8"]},
        "budget": {"trials": 2, "epochs": 1},
        "search": {"sampler": "random", "workers": 2, "objectives": ["accuracy", "latency"]},
    }
    observer = RecordingObserver()
    workspace = Workspace(folder / "runs")
    search(resolve(values, "test"), workspace, observer)
    assert observer.summary is not None and observer.summary.finished == 2
    assert sorted(observer.states()) == ["measured"] * 2 + ["precision_variant"] * 2
    return workspace


def complete_trials(workspace: Workspace) -> dict[int, FrozenTrial]:
    return {trial.number: trial for trial in load_store(workspace, "whole").trials(TrialState.COMPLETE)}


def test_latency_is_an_objective_from_the_measured_file_to_the_front(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether a file reads after one epoch is not the question here."""
    monkeypatch.setattr("studies.storage.front_point.READING_CER", float("inf"))
    points = {point.trial: point for point in load_points(workspace, "whole")}
    trials = complete_trials(workspace)
    assert len(points) == len(trials) == 4
    for number, trial in trials.items():
        assert trial.values == [points[number].accuracy, points[number].latency_ms]
        assert points[number].latency_ms > 0
    read = [point.right_lines for point in points.values()]
    assert len({(lines.digest, lines.lines) for lines in read if lines is not None}) == 1 and None not in read
    front = load_front(workspace, "whole")
    assert min(point.latency_ms for point in points.values()) in [point.latency_ms for point in front]
    for point in front:
        assert not any(other.accuracy >= point.accuracy and other.latency_ms < point.latency_ms for other in points.values()), (
            "another is as accurate and faster"
        )


def test_mlflow_holds_every_trial_of_a_search_with_two_workers(workspace: Workspace) -> None:
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext").experiment_id
    runs = client.search_runs([experiment], f"tags.`{KIND_TAG}` = 'trial'")
    children = {int(run.data.tags[TRIAL_TAG]): run for run in runs}
    trials = complete_trials(workspace)
    assert len(runs) == len(children) == 4 and set(children) == set(trials)
    points = {point.trial: point for point in load_points(workspace, "whole")}
    for number, run in children.items():
        outcome = trials[number].user_attrs["outcome"]
        assert outcome in ("measured", "precision_variant")
        assert (run.data.tags[STATE_TAG], run.info.status) == (outcome, "FINISHED")
        assert run.data.metrics["latency_ms"] == points[number].latency_ms
        (file,) = client.list_artifacts(run.info.run_id)
        assert (file.path, file.file_size) == (Path(points[number].model).name, points[number].size_bytes)
    (study,) = client.search_runs([experiment], f"tags.`{KIND_TAG}` = 'study'")
    assert study.info.status == "FINISHED"
