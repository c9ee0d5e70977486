"""MLflow holds every finished trial exactly once, whatever happens to the driver, and never stops a study."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from studies.registry import mlflow_client, run_writer, system_metrics
from studies.registry.mlflow_client import open_mlflow
from studies.registry.run_records import COMMIT_TAG, KIND_TAG, PARENT_TAG, STATE_TAG, STUDY_TAG, TRIAL_TAG, ClosedTrial
from studies.registry.run_tracker import RunTracker, flatten
from studies.registry.training_course import TrainingCourse
from studies.storage.held_out_score import TestScore
from studies.workspace.paths import Workspace

MEASURED = {"accuracy": 0.9, "cer": 0.02, "size_bytes": 400_000, "latency_ms": 1.5, "parameters": 100_000}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = Workspace(tmp_path_factory.mktemp("runs")).prepare()
    open_mlflow(workspace)
    return workspace


def runs_of(workspace: Workspace, study: str, kind: str) -> list[Any]:
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext").experiment_id
    return list(client.search_runs([experiment], f"tags.`{STUDY_TAG}` = '{study}' and tags.`{KIND_TAG}` = '{kind}'"))


def course(folder: Path) -> TrainingCourse:
    """Of a training of two epochs of 10 s, the second of which a kill has made it train twice."""
    entries = [(1, 0.9, 100.0), (2, 0.7, 110.0), (2, 0.5, 150.0), (3, 0.4, 160.0)]
    lines = [
        {"epoch": e, "epochs": 9, "loss": 1.0, "accuracy": 0.1, "cer": c, "seconds": 10.0, "ended": t} for e, c, t in entries
    ]
    (folder / "epochs.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    closed = datetime.fromtimestamp(200.0)
    return TrainingCourse((folder / "none.jsonl", folder / "epochs.jsonl"), 2, datetime.fromtimestamp(50.0), closed, True)


def test_the_course_of_a_training_is_its_epochs_and_its_times(tmp_path: Path) -> None:
    whole = course(tmp_path)
    epochs = whole.epochs()
    assert [(m.epoch, m.value, m.ended_ms) for m in epochs if m.name == "val_cer"] == [(1, 0.9, 100_000), (2, 0.5, 150_000)]
    assert (whole.began_ms(epochs), whole.ended_ms(epochs)) == (90_000, 200_000)
    assert replace(whole, exported=False).ended_ms(epochs) == 150_000, "nothing was done after the last epoch"
    unknown = replace(whole, epoch_logs=())
    assert (unknown.began_ms([]), unknown.ended_ms([])) == (50_000, 200_000)


def test_a_study_is_one_run_and_each_trial_a_child_with_its_numbers_and_its_file(workspace: Workspace, tmp_path: Path) -> None:
    model = tmp_path / "3.onnx"
    model.write_bytes(b"weights")
    tracker = RunTracker(workspace, "whole", pytest.fail)
    lines = {"32": {"digest": "abcd", "training": 90, "validation": 10, "symbols": 10}}
    tracker.start({"name": "whole", "budget": {"trials": 2}}, lines)
    architecture = {"backbone": "resnet18", "height_px": 32}
    tracker.log_trial(3, architecture, MEASURED, "measured", model, {"digest": "ab"}, course(tmp_path))
    tracker.log_trial(4, {"backbone": "lcnet"}, None, "over_limit", None, {"reason": "12MB is over 10MB"})
    tracker.finish(metrics={"best_accuracy": 0.9})

    (parent,) = runs_of(workspace, "whole", "study")
    assert parent.data.params == {"name": "whole", "budget.trials": "2"}
    assert parent.data.metrics == {"best_accuracy": 0.9}
    assert parent.info.status == "FINISHED"
    children = {int(run.data.tags[TRIAL_TAG]): run for run in runs_of(workspace, "whole", "trial")}
    assert sorted(children) == [3, 4]
    assert all(run.data.tags[PARENT_TAG] == parent.info.run_id for run in children.values())
    of_epochs = {"train_loss": 1.0, "val_cer": 0.5, "val_accuracy": 0.1, "epoch_seconds": 10.0}
    assert children[3].data.metrics == MEASURED | of_epochs
    history = open_mlflow(workspace).get_metric_history(children[3].info.run_id, "val_cer")
    assert [(entry.step, entry.value) for entry in history] == [(1, 0.9), (2, 0.5)]
    assert children[3].data.params == {"backbone": "resnet18", "height_px": "32"}
    info = children[3].info
    assert (info.status, info.start_time, info.end_time) == ("FINISHED", 90_000, 200_000)
    assert [lines.dataset.digest for lines in children[3].inputs.dataset_inputs] == ["abcd"]
    assert [lines.dataset.digest for lines in parent.inputs.dataset_inputs] == ["abcd"]
    assert len(parent.data.tags[COMMIT_TAG]) == 40, "of the repository in which the tests run"
    assert children[3].data.tags["paretext.digest"] == "ab"
    assert [file.path for file in open_mlflow(workspace).list_artifacts(children[3].info.run_id)] == ["3.onnx"]
    assert children[4].data.tags[STATE_TAG] == "over_limit"
    assert children[4].info.status == "FINISHED", "red is for what has failed"
    assert children[4].data.metrics == {}


def test_the_run_of_a_study_has_the_load_of_the_machine_if_that_is_on(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(system_metrics, "EVERY_S", 0.05)
    for switch, expected in (("false", 0), ("true", 2)):
        monkeypatch.setenv(system_metrics.SWITCH, switch)
        tracker = RunTracker(workspace, f"load-{switch}", pytest.fail)
        tracker.start({})
        name, end, steps = "system/cpu_utilization_percentage", time.monotonic() + 60, list[int]()
        while len(steps) < expected and time.monotonic() < end:
            time.sleep(0.1)
            if runs := runs_of(workspace, f"load-{switch}", "study"):
                steps = [entry.step for entry in open_mlflow(workspace).get_metric_history(runs[0].info.run_id, name)]
        tracker.finish()
        assert steps == list(range(len(steps))) and len(steps) >= expected
    (run,) = runs_of(workspace, "load-false", "study")
    assert run.data.metrics == {}


def test_a_study_that_is_continued_keeps_its_run_and_writes_no_trial_twice(workspace: Workspace) -> None:
    for trials, budget in ((2, 2), (4, 4)):
        tracker = RunTracker(workspace, "resumed", pytest.fail)
        tracker.start({"budget": {"trials": budget}})
        for number in range(trials):
            tracker.log_trial(number, {"width_percent": 25}, MEASURED, "measured")
        tracker.finish()
    (parent,) = runs_of(workspace, "resumed", "study")
    assert parent.data.tags["paretext.now.budget.trials"] == "4"
    assert sorted(int(run.data.tags[TRIAL_TAG]) for run in runs_of(workspace, "resumed", "trial")) == [0, 1, 2, 3]


def test_what_a_trial_reads_of_the_test_lines_is_added_to_its_closed_run_once(workspace: Workspace) -> None:
    first = TestScore(0.75, 0.05, 400, "ab")
    for known in (first, first, TestScore(0.5, 0.25, 300, "cd")):
        tracker = RunTracker(workspace, "tested", pytest.fail)
        tracker.start({})
        tracker.log_trial(0, {}, MEASURED, "measured")
        tracker.log_test_score(0, known)
        tracker.finish()
    (run,) = runs_of(workspace, "tested", "trial")
    assert run.data.metrics == MEASURED | {"test_accuracy": 0.5, "test_cer": 0.25}
    assert run.data.tags["paretext.test_lines"] == "300" and run.info.status == "FINISHED"
    history = open_mlflow(workspace).get_metric_history(run.info.run_id, "test_accuracy")
    assert [entry.value for entry in history] == [0.75, 0.5], "the same lines are not written twice"


def test_a_test_score_waits_for_the_run_of_its_trial(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    write_trial, failed = run_writer.RunWriter._write_trial, list[int]()

    def fails_once(writer: run_writer.RunWriter, trial: ClosedTrial) -> str:
        if not failed:
            failed.append(trial.number)
            raise OSError("no space left on device")
        return write_trial(writer, trial)

    monkeypatch.setattr(run_writer.RunWriter, "_write_trial", fails_once)
    said: list[str] = []
    tracker = RunTracker(workspace, "waiting", said.append)
    tracker.start({})
    tracker.log_trial(0, {}, MEASURED, "measured")
    tracker.log_test_score(0, TestScore(0.75, 0.05, 400, "ab"))
    tracker.finish()
    assert len(said) == 1 and "no space left" in said[0]
    (run,) = runs_of(workspace, "waiting", "trial")
    assert run.data.metrics["test_accuracy"] == 0.75


def test_a_run_that_a_killed_driver_left_open_is_replaced(workspace: Workspace) -> None:
    tracker = RunTracker(workspace, "killed", pytest.fail)
    tracker.start({})
    tracker.log_trial(0, {"width_percent": 25}, MEASURED, "measured")
    tracker.finish("stopped")
    (whole,) = runs_of(workspace, "killed", "trial")
    client = open_mlflow(workspace)
    tags = {key: value for key, value in whole.data.tags.items() if key.startswith("paretext.")}
    half = client.create_run(whole.info.experiment_id, tags={**tags, TRIAL_TAG: "1"})

    again = RunTracker(workspace, "killed", pytest.fail)
    again.start({})
    for number in (0, 1):
        again.log_trial(number, {"width_percent": 25}, MEASURED, "measured")
    again.finish()
    children = {int(run.data.tags[TRIAL_TAG]): run for run in runs_of(workspace, "killed", "trial")}
    assert sorted(children) == [0, 1]
    assert children[0].info.run_id == whole.info.run_id
    assert children[1].info.run_id != half.info.run_id
    assert all(run.info.status == "FINISHED" for run in children.values())


def test_a_database_that_cannot_be_opened_is_said_once_and_stops_nothing(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path).prepare()
    workspace.mlflow_file.mkdir()
    said: list[str] = []
    tracker = RunTracker(workspace, "unlucky", said.append)
    tracker.start({})
    for number in range(3):
        tracker.log_trial(number, {}, MEASURED, "measured")
    tracker.finish()
    assert len(said) == 2
    assert "the search continues" in said[0]
    assert "3 trials are not in MLflow yet" in said[1]
    assert all("\n" not in line for line in said)


def test_what_could_not_be_written_is_written_later(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"left": 2}
    write_trial = run_writer.RunWriter._write_trial

    def fails_twice(writer: run_writer.RunWriter, trial: ClosedTrial) -> str:
        if wrong["left"]:
            wrong["left"] -= 1
            tags = {"paretext.study": "late", "paretext.kind": "trial", TRIAL_TAG: "0"}
            writer._client.create_run(writer._experiment, tags=tags)
            raise OSError("no space left on device")
        return write_trial(writer, trial)

    monkeypatch.setattr(run_writer.RunWriter, "_write_trial", fails_twice)
    said: list[str] = []
    tracker = RunTracker(workspace, "late", said.append)
    tracker.start({})
    for number in range(3):
        tracker.log_trial(number, {}, MEASURED, "measured")
    tracker.finish()
    assert len(said) == 1
    assert "no space left" in said[0]
    assert sorted(int(run.data.tags[TRIAL_TAG]) for run in runs_of(workspace, "late", "trial")) == [0, 1, 2]


def test_starting_and_logging_do_not_wait_for_mlflow(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow cannot be opened before `start` and `log_trial` have returned, so neither can have waited for it."""
    may_open, opened = threading.Event(), threading.Event()

    def opens_late(of: Workspace) -> Any:
        assert may_open.wait(60), "start or log_trial waits for MLflow"
        opened.set()
        return open_mlflow(of)

    monkeypatch.setattr(run_writer, "open_mlflow", opens_late)
    tracker = RunTracker(workspace, "quick", pytest.fail)
    tracker.start({"name": "quick"})
    tracker.log_trial(0, {}, {"accuracy": 1.0}, "measured")
    assert not opened.is_set()
    may_open.set()
    tracker.finish()
    assert [run.data.metrics for run in runs_of(workspace, "quick", "trial")] == [{"accuracy": 1.0}]


def test_a_search_does_not_import_mlflow_before_its_tracker_writes() -> None:
    """In a fresh process, where the import alone takes seconds."""
    program = "import sys; import studies.registry.run_tracker; sys.exit('mlflow' in sys.modules)"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)


def test_nested_tables_become_dotted_names() -> None:
    assert flatten({"a": 1, "b": {"c": {"d": None}}}) == {"a": 1, "b.c.d": None}


def test_a_process_killed_while_the_database_is_made_leaves_no_half_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace = Workspace(tmp_path).prepare()

    def killed(mlflow: Any, uri: str) -> None:
        Path(uri.removeprefix("sqlite:///")).write_bytes(b"half a database")
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(mlflow_client, "_create_tables", killed)
        with pytest.raises(KeyboardInterrupt):
            open_mlflow(workspace)
    assert not workspace.mlflow_file.exists()
    assert [experiment.name for experiment in open_mlflow(workspace).search_experiments()] == ["Default"]
