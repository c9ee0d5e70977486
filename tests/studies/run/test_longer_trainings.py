"""A study continues beyond its epochs: trainings that ended there continue from their checkpoints, as trials of their own."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest

from examples.engine import InProcessEngine
from search_space import Architecture
from studies.definition.study import resolve
from studies.engines.base import EpochFinished, Event, TrialFailed
from studies.run.clear_files import MOST_KEPT
from studies.run.schedule import Schedule
from studies.schedulers.rungs import rungs_up_to
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf, Suspended
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.storage.stored_trial import StoredTrial, epochs_spent
from studies.workspace.paths import Workspace
from testing.scripted_engine import Killed, ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from testing.striped_lines import striped_lines, write_pairs
from testing.tiers import slow_after
from trainers.training.checkpoint import CHECKPOINT_NAME
from trainers.trial.epoch_log import read_epochs
from trainers.trial.run import TrialJob


class Checkpointing(ScriptedEngine):
    """Knows of a training what the checkpoint in its folder says, and counts the epochs that it trains.

    Attributes:
        reported: digest and epoch of everything trained.
    """

    def __init__(self, **named: Any) -> None:
        super().__init__(best_after=30, **named)
        self.reported: list[tuple[str, int]] = []

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        file = job.folder / CHECKPOINT_NAME
        self.epochs[job.architecture.digest] = int(file.read_text()) if file.is_file() else 0
        super().submit(number, job, until_epoch)

    def wait(self, timeout_s: float) -> list[Event]:
        jobs = dict(self._open)
        stood = {number: self.epochs[job.architecture.digest] for number, job in jobs.items()}
        events = super().wait(timeout_s)
        for event in events:
            if isinstance(event, EpochFinished) and event.report.epoch > stood[event.number]:
                job = jobs[event.number]
                job.folder.mkdir(parents=True, exist_ok=True)
                (job.folder / CHECKPOINT_NAME).write_text(str(event.report.epoch))
                self.reported.append((job.architecture.digest, event.report.epoch))
        return events


def asked(epochs: int, form: str = "promotion", **changes: Any) -> Any:
    sampler = "front" if form == "gain" else "random"
    search = {"sampler": sampler, "early_stopping": form, "first_rung": 1}
    return study(**HALVING | {"budget": {"trials": 12, "epochs": epochs}, "search": search} | changes)


def trials_of(workspace: Workspace) -> list[StoredTrial]:
    return load_store(workspace, "s").stored_trials()


def kept(workspace: Workspace) -> set[str]:
    folder = workspace.trials("s")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def trainings_of_front(workspace: Workspace) -> set[str]:
    trials = {trial.number: trial for trial in trials_of(workspace)}
    numbers = [trials[point.trial] for point in load_front(workspace, "s")]
    of = (t.outcome.trial if isinstance(t.outcome, PrecisionVariantOf | CheckpointOf) else t.number for t in numbers)
    return {str(trials[number].digest) for number in of}


@pytest.mark.parametrize("form", ["promotion", "stopping", "gain", "none"])
def test_more_epochs_continue_what_has_ended_on_the_front(workspace: Workspace, form: str) -> None:
    run_search(asked(9, form), workspace, None, Checkpointing())
    before, folders = {t.number: t for t in trials_of(workspace)}, kept(workspace)
    assert folders and folders <= trainings_of_front(workspace)
    for digest in folders:
        assert [file.name for file in (workspace.trials("s") / digest).iterdir()] == [CHECKPOINT_NAME]
    engine, watcher = Checkpointing(), RecordingObserver()
    run_search(asked(30, form), workspace, watcher, engine)
    assert any("a full training of study 's' has 30 epochs from now on; it had 9" in note for note in watcher.notes)
    assert any("may continue up to epoch 30" in note for note in watcher.notes)
    after = trials_of(workspace)
    assert [t for t in after if t.number in before] == list(before.values()), "what was measured stays as it is"
    further = [t for t in after if t.continues is not None]
    ended = {t.digest: t.number for t in before.values() if isinstance(t.outcome, Measured) and t.digest in folders}
    assert {t.digest: t.continues for t in further} == ended and len(further) == len(ended)
    assert {digest for digest, _ in engine.reported} == set(ended), "no budget was left for anything new"
    assert min(epoch for _, epoch in engine.reported) == 10 and len(engine.reported) == len(set(engine.reported))
    assert sum(t.counts_against_budget for t in after) == 12 and watcher.summary is not None and watcher.summary.finished == 12
    finished = [t for t in further if isinstance(t.outcome, Measured)]
    assert finished and all(isinstance(t.outcome, Measured) and t.outcome.epochs == 30 for t in finished)
    assert epochs_spent(after) == epochs_spent(before.values()) + len(engine.reported)
    points = {point.trial: point for point in load_points(workspace, "s")}
    for trial in finished:
        assert trial.continues is not None
        assert points[trial.number].accuracy > points[trial.continues].accuracy, "a new point, beside the old one"
        assert points[trial.continues].is_checkpoint and not points[trial.number].is_checkpoint
    again = Checkpointing()
    run_search(asked(30, form), workspace, None, again)
    assert not again.reported and len(trials_of(workspace)) == len(after)


def test_new_architectures_and_longer_trainings_share_a_larger_budget(workspace: Workspace) -> None:
    run_search(asked(9), workspace, None, Checkpointing())
    ended = kept(workspace)
    engine = Checkpointing()
    run_search(asked(30, budget={"trials": 16, "epochs": 30}), workspace, None, engine)
    trials = trials_of(workspace)
    assert sum(t.counts_against_budget for t in trials) == 16
    assert {t.digest for t in trials if t.continues is not None} == ended
    assert {epoch for digest, epoch in engine.reported if digest in ended} <= set(range(10, 31))


@pytest.mark.parametrize("kill_after", slow_after(2, [1, 3, 2, 4, 5], thorough=3))
def test_killed_while_it_continues_nothing_is_lost_or_trained_twice(workspace: Workspace, kill_after: int) -> None:
    run_search(asked(9), workspace, None, Checkpointing())
    ended, reported = kept(workspace), list[tuple[str, int]]()
    for break_after in (kill_after, 2, None):
        engine = Checkpointing(break_after=break_after)
        with contextlib.suppress(Killed):
            run_search(asked(30), workspace, None, engine)
        reported += engine.reported
    trials = trials_of(workspace)
    further = [t for t in trials if t.continues is not None]
    assert {t.digest for t in further} == ended and len(further) == len(ended)
    assert len(reported) == len(set(reported)) and min(epoch for _, epoch in reported) == 10
    assert not [t for t in trials if t.is_open] and sum(t.counts_against_budget for t in trials) == 12


def test_a_longer_training_that_is_suspended_is_resumed(workspace: Workspace) -> None:
    run_search(asked(9, "none"), workspace, None, Checkpointing())
    spent, ended = epochs_spent(trials_of(workspace)), kept(workspace)
    run_search(
        asked(30, "none", budget={"trials": 12, "epochs": 30, "total_epochs": spent + 1}), workspace, None, Checkpointing()
    )
    suspended = [t for t in trials_of(workspace) if isinstance(t.outcome, Suspended)]
    assert all(t.continues is not None for t in suspended) and kept(workspace) == ended
    engine = Checkpointing()
    run_search(asked(30, "none"), workspace, None, engine)
    measured = [t for t in trials_of(workspace) if t.continues is not None and isinstance(t.outcome, Measured)]
    assert {t.digest for t in measured} == ended and len(measured) == len(ended)


def test_every_precision_is_measured_again(workspace: Workspace) -> None:
    space = {"width_percent": [25, 50], "encoder_hidden": [24], "precision": ["fp32", "fp16", "int8"]}
    for epochs in (9, 30):
        run_search(asked(epochs, "none", space=space, budget={"trials": 2, "epochs": epochs}), workspace, None, Checkpointing())
    trials = trials_of(workspace)
    further = [t.number for t in trials if t.continues is not None]
    variants = [t.outcome for t in trials if isinstance(t.outcome, PrecisionVariantOf)]
    assert len(further) == 2 and len(variants) == 8
    assert all(outcome.epochs == (30 if outcome.trial in further else 9) for outcome in variants)
    epochs_of = {point.trial: point.epochs_trained for point in load_points(workspace, "s")}
    assert sorted(epochs_of[t.number] or 0 for t in trials if isinstance(t.outcome, PrecisionVariantOf)) == [9] * 4 + [30] * 4


def test_a_recipe_with_a_planned_end_keeps_its_epochs(workspace: Workspace) -> None:
    run_search(asked(9, recipe="paretext"), workspace, None, Checkpointing())
    assert not kept(workspace), "its checkpoints are of no use"
    watcher, engine = RecordingObserver(), Checkpointing()
    run_search(asked(30, recipe="paretext"), workspace, watcher, engine)
    assert any("keeps 9 epochs: its recipe plans the learning rate up to the last epoch" in note for note in watcher.notes)
    assert not engine.reported and load_store(workspace, "s").epochs == 9


def test_epochs_are_never_reduced(workspace: Workspace) -> None:
    run_search(asked(9), workspace, None, Checkpointing())
    watcher = RecordingObserver()
    run_search(asked(3), workspace, watcher, Checkpointing())
    assert any("keeps 9 epochs, since some trainings may have passed epoch 3" in note for note in watcher.notes)
    assert load_store(workspace, "s").epochs == 9


def test_without_its_checkpoint_nothing_is_trained_from_the_beginning(workspace: Workspace) -> None:
    run_search(asked(9), workspace, None, Checkpointing())
    for digest in kept(workspace):
        (workspace.trials("s") / digest / CHECKPOINT_NAME).unlink()
    engine = Checkpointing()
    run_search(asked(30), workspace, None, engine)
    assert not engine.reported and not kept(workspace)


def test_a_longer_training_that_fails_leaves_what_was_measured(workspace: Workspace) -> None:
    class Failing(Checkpointing):
        """Every training fails after its first epoch."""

        def wait(self, timeout_s: float) -> list[Event]:
            events = super().wait(timeout_s)
            return [*events[:2], TrialFailed(events[0].number, "nan", "the loss is not finite")] if events else events

    run_search(asked(9), workspace, None, Checkpointing())
    front = [point.trial for point in load_front(workspace, "s")]
    watcher = RecordingObserver()
    run_search(asked(30), workspace, watcher, Failing())
    assert "failed" in watcher.states() and [point.trial for point in load_front(workspace, "s")] == front
    assert sum(t.counts_against_budget for t in trials_of(workspace)) == 12


def test_only_the_front_keeps_checkpoints_and_only_so_many(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from studies.run import clear_files

    monkeypatch.setattr(clear_files, "MOST_KEPT", 2)
    run_search(asked(9, "none"), workspace, None, Checkpointing())
    most_accurate = sorted(load_front(workspace, "s"), key=lambda point: -point.accuracy)
    trials = {t.number: t for t in trials_of(workspace)}
    assert kept(workspace) == {str(trials[point.trial].digest) for point in most_accurate[:2]}
    assert len(most_accurate) > 2 and MOST_KEPT > 2


def test_former_ends_are_rungs() -> None:
    assert rungs_up_to(180, 3, 1, (20,)) == [1, 3, 9, 20, 60, 180]
    assert rungs_up_to(60, 3, 1, (40,)) == [1, 3, 9, 40, 60]
    assert rungs_up_to(100, 3, 1, (2, 40, 60)) == [1, 2, 6, 18, 40, 60, 100]
    without = Schedule(asked(30, "none"), asked(30).joint_space, former=(9,))
    assert without.rungs == (9, 30) and without.until(0, Architecture()) is None


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_a_real_training_continues_from_its_checkpoint(tmp_path: Path) -> None:
    """One training of one epoch, then a second epoch: two points, and the first epoch is not trained again."""
    write_pairs(tmp_path / "lines", striped_lines(240, 0))
    workspace = Workspace(tmp_path / "runs")
    values: dict[str, Any] = {
        "name": "s",
        "data": {"source": str(tmp_path / "lines"), "test": False, "rendered": False},
        "space": {"width_percent": [25], "encoder_hidden": [16], "encoder_layers": [1], "precision": ["fp32", "int8"]},
        "search": {"sampler": "random", "workers": 1},
        "recipe": {"preset": "anytime", "min_epoch_lines": 400, "flat_start_steps": 50, "finish_epochs": 0},  # reads after one
    }
    for epochs in (1, 2):
        run_search(resolve(values | {"budget": {"trials": 1, "epochs": epochs}}, "test"), workspace, engine=InProcessEngine())
    trials = trials_of(workspace)
    measured = {t.number: t for t in trials if isinstance(t.outcome, Measured)}
    first, second = measured.values()
    assert (first.continues, second.continues) == (None, first.number) and first.digest == second.digest
    variants = [t.outcome for t in trials if isinstance(t.outcome, PrecisionVariantOf)]
    assert sorted((v.trial, v.epochs) for v in variants) == [(first.number, 1), (second.number, 2)]
    logs = {t.number: workspace.epochs("s") / f"{t.number:05d}-{t.digest}.jsonl" for t in measured.values()}
    assert [epoch["epoch"] for epoch in read_epochs(logs[first.number])] == [1]
    assert [epoch["epoch"] for epoch in read_epochs(logs[second.number])] == [1, 2]
    assert {str(first.digest)} == kept(workspace) and (workspace.trials("s") / str(first.digest) / CHECKPOINT_NAME).is_file()
    models = [point.model for point in load_points(workspace, "s")]
    assert len({Path(model).read_bytes() for model in models}) == len(models) == 4
