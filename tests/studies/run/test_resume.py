"""A killed run is resumed from its checkpoints, also from those that its driver had not recorded; the log says so."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from search_space import Architecture
from studies.engines.base import EpochFinished, Event, TrialLost
from studies.run.trial_recorder import TrialRecorder
from studies.storage.backends import open_storage
from studies.storage.distributions import distributions
from studies.storage.outcomes import Duplicate, Stopped
from studies.storage.pareto_front import load_points, load_store
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from trainers.base.progress import EpochReport
from trainers.trial.epoch_log import EPOCHS_NAME, add_epoch, read_epochs


class Unrecorded(ScriptedEngine):
    """The driver dies after a training has saved its checkpoint and before the driver receives the report."""

    def wait(self, timeout_s: float) -> list[Event]:
        events = super().wait(timeout_s)
        if self._events >= 6 and any(isinstance(event, EpochFinished) and event.report.epoch == 1 for event in events):
            raise Killed
        return events


class Counting(ScriptedEngine):
    """Records which epochs were reported."""

    def __init__(self, **named: Any) -> None:
        super().__init__(**named)
        self.reported: list[tuple[str, int]] = []

    def wait(self, timeout_s: float) -> list[Event]:
        digests = {number: job.architecture.digest for number, job in self._open}
        stood = dict(self.epochs)
        events = super().wait(timeout_s)
        for event in events:
            if isinstance(event, EpochFinished) and event.report.epoch > stood.get(digests[event.number], 0):
                self.reported.append((digests[event.number], event.report.epoch))
        return events


@pytest.mark.parametrize("form", ["promotion", "stopping"])
def test_an_epoch_that_the_killed_driver_has_not_recorded_counts(workspace: Workspace, form: str) -> None:
    """A rung was reached when the driver died: the trial is compared at that rung, neither trained again nor forgotten."""
    asked = study(**HALVING | {"search": HALVING["search"] | {"early_stopping": form}})
    killed = Unrecorded()
    with pytest.raises(Killed):
        run_search(asked, workspace, None, killed)
    open_ones = load_store(workspace, "s").open_trials()
    unrecorded = [t for t in open_ones if killed.epochs.get(t.digest, 0) and 1 not in t.rungs]
    assert unrecorded, "its checkpoint is a rung ahead of its record"
    again, watcher = Counting(), RecordingObserver()
    again.epochs = dict(killed.epochs)
    run_search(asked, workspace, watcher, again)
    assert watcher.summary is not None and watcher.summary.finished == 18 and "suspended" not in watcher.states()
    closed = {t.digest: t for t in load_store(workspace, "s").stored_trials()}
    assert all(1 in closed[t.digest].rungs for t in unrecorded)
    assert len(again.reported) == len(set(again.reported))


def test_a_promoted_training_resumes_without_another_comparison(workspace: Workspace) -> None:
    killed = ScriptedEngine(break_after=9)
    with pytest.raises(Killed):
        run_search(study(**HALVING), workspace, None, killed)
    under_way = {t.number for t in load_store(workspace, "s").open_trials() if _promoted(t)}
    assert under_way
    watcher = RecordingObserver()
    again = ScriptedEngine()
    again.epochs = dict(killed.epochs)
    run_search(study(**HALVING), workspace, watcher, again)
    reached = {t.number: t for t in load_store(workspace, "s").stored_trials()}
    assert all(3 in reached[number].rungs or reached[number].measurement is not None for number in under_way)
    assert under_way <= {number for number, _ in watcher.losses}


def _promoted(trial: StoredTrial) -> bool:
    return 1 in trial.rungs and 3 not in trial.rungs and trial.training is not None and trial.training.until > 1


def test_the_number_of_restarts_is_unlimited_while_a_training_progresses(workspace: Workspace) -> None:
    class Mortal(ScriptedEngine):
        """One epoch each time, then the process is gone."""

        def wait(self, timeout_s: float) -> list[Event]:
            number, job = self._open[0]
            digest = job.architecture.digest
            if self.epochs.get(digest, 0) >= job.epochs - 1:
                return super().wait(timeout_s)
            self._open.popleft()
            epoch = self.epochs[digest] = self.epochs.get(digest, 0) + 1
            return [EpochFinished(number, EpochReport(epoch, job.epochs, 1.0, 0.5, 0.5, 0.1)), TrialLost(number, "it is gone")]

    watcher = RecordingObserver()
    run_search(study(budget={"trials": 2, "epochs": 8}), workspace, watcher, Mortal())
    assert watcher.states() == ["measured"] * 2 and len(watcher.losses) == 14


def test_the_next_run_removes_the_files_that_a_killed_run_left(workspace: Workspace) -> None:
    run_search(study(), workspace, None, ScriptedEngine())
    number, digest = next((p.trial, Architecture.from_dict(p.architecture).digest) for p in load_points(workspace, "s"))
    left = workspace.trials("s") / digest
    left.mkdir(parents=True)
    add_epoch(left, EpochReport(1, 2, 1.0, 0.5, 0.5, 0.1))
    unknown = workspace.trials("s") / "0123456789abcdef"
    unknown.mkdir()
    run_search(study(), workspace, None, ScriptedEngine())
    assert not left.exists() and unknown.exists()
    (line,) = read_epochs(workspace.epochs("s") / f"{number:05d}-{digest}.jsonl")
    assert line["epoch"] == 1 and line["by"].endswith(f":{os.getpid()}")


def test_a_truncated_epoch_log_is_read_up_to_its_last_whole_line(tmp_path: Path) -> None:
    for epoch in (1, 2):
        add_epoch(tmp_path, EpochReport(epoch, 3, 1.0, 0.5, 0.5, 0.1))
    log = tmp_path / EPOCHS_NAME
    log.write_text(log.read_text() + '{"epoch": 3, "epo')
    assert [line["epoch"] for line in read_epochs(log)] == [1, 2]
    add_epoch(tmp_path, EpochReport(3, 3, 1.0, 0.5, 0.5, 0.1))
    assert [line["epoch"] for line in read_epochs(log)] == [1, 2, 3], "the next line is one of its own"
    assert read_epochs(tmp_path / "none") == []


def test_the_log_of_a_study_holds_what_its_observers_received(workspace: Workspace) -> None:
    with pytest.raises(Killed):
        run_search(study(), workspace, None, ScriptedEngine(break_after=2))
    run_search(study(), workspace, None, ScriptedEngine())
    log = [json.loads(line) for line in workspace.log("s").read_text().splitlines()]
    events = [line["event"] for line in log]
    assert events.count("run starts") == 2 and events.count("run breaks off") == events.count("run ends") == 1
    assert {line["trial"] for line in log if line["event"] == "trial lost"}
    ended = [line["trial"] for line in log if line["event"] == "trial ends" and line["outcome"] == "measured"]
    assert sorted(ended) == [p.trial for p in load_points(workspace, "s")]


def test_a_trial_that_was_opened_twice_is_closed_as_a_duplicate(workspace: Workspace) -> None:
    """The connection was lost after the database had opened the trial, so the call was retried and opened a second one."""
    asked = study()
    store, _ = StudyStore.create_or_open(open_storage(workspace.optuna_url), asked)
    space = distributions(asked.search_space)
    first, second = (store.ask_params({"width_percent": 50, "encoder_hidden": 24}, space) for _ in range(2))
    recorder = TrialRecorder(asked, workspace, store)
    stopped = StoredTrial(second.number, second.params, Stopped(1, "not among the best"))
    recorder.close(stopped)
    recorder.close(stopped)  # the answer was lost, so the call is repeated
    recorder.close_opened_twice()
    closed = store.stored_trials()[first.number]
    recorder.close_opened_twice()
    assert isinstance(closed.outcome, Duplicate) and closed.outcome.of == second.number and not store.open_trials()
