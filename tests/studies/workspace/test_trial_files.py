"""The working files of a trial are deleted when it is closed, in the workspace and in the shared folder.

Only the checkpoint of a finished training on the front stays, in the workspace.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from search_space import Architecture
from studies.engines.base import TrialFailed
from studies.storage.outcomes import Measured
from studies.storage.pareto_front import load_points, load_store
from studies.workspace.paths import Workspace
from studies.workspace.remote_trial_files import RemoteTrialFiles
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import HALVING, RecordingObserver, run_search, study
from trainers.training.checkpoint import CHECKPOINT_NAME
from trainers.trial.run import TrialJob

BAD = Architecture(width_percent=50, encoder_hidden=24).digest


class UploadingEngine(ScriptedEngine):
    """Uploads a checkpoint to the shared folder, as the nodes of a cluster do."""

    def __init__(self, place: str, **named: Any) -> None:
        super().__init__(**named)
        self.folders, self.sent = RemoteTrialFiles(place), set[str]()

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        super().submit(number, job, until_epoch)
        job.folder.mkdir(parents=True, exist_ok=True)
        (job.folder / CHECKPOINT_NAME).write_bytes(b"weights")
        self.folders.upload(job.folder)
        self.sent.add(job.folder.name)


def halving(place: str, **budget: Any) -> Any:
    return study(**HALVING | {"search": HALVING["search"] | {"shared": place}, "budget": HALVING["budget"] | budget})


def copies(place: str, workspace: Workspace) -> set[str]:
    return set(RemoteTrialFiles(place).names(workspace.trials("s")))


def in_workspace(workspace: Workspace) -> set[str]:
    folder = workspace.trials("s")
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def assert_only_finished_trainings_keep_a_checkpoint(workspace: Workspace) -> None:
    kept = in_workspace(workspace)
    trials = load_store(workspace, "s").stored_trials()
    assert kept <= {trial.digest for trial in trials if isinstance(trial.outcome, Measured)}
    for name in kept:
        assert [file.name for file in (workspace.trials("s") / name).iterdir()] == [CHECKPOINT_NAME]


@pytest.mark.parametrize("form", ["{}", "file://{}", "memory://{}"])
def test_no_copy_of_a_closed_trial_stays_behind_and_models_do(workspace: Workspace, tmp_path: Path, form: str) -> None:
    place = form.format(tmp_path / "place")
    engine, watcher = UploadingEngine(place, script={BAD: TrialFailed}), RecordingObserver()
    run_search(halving(place), workspace, watcher, engine)
    assert set(watcher.states()) >= {"measured", "stopped", "failed"} and len(engine.sent) == 18
    assert not copies(place, workspace)
    assert_only_finished_trainings_keep_a_checkpoint(workspace)
    points = load_points(workspace, "s")
    assert points and all(Path(point.model).is_file() for point in points)


def test_an_equal_architecture_leaves_no_copy_either(workspace: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    engine, watcher = UploadingEngine(place), RecordingObserver()
    space = {"encoder": ["none", "gru"], "encoder_hidden": [24, 48]}
    asked = study(space=space, budget={"trials": 10, "epochs": 1}, search={"sampler": "random", "shared": place})
    run_search(asked, workspace, watcher, engine)
    assert "duplicate" in watcher.states() and len(engine.sent) == 3
    assert not copies(place, workspace)
    assert_only_finished_trainings_keep_a_checkpoint(workspace)


def test_a_suspended_trial_keeps_its_copy_until_the_next_run_has_closed_it(workspace: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    first = UploadingEngine(place)
    run_search(halving(place, total_epochs=12), workspace, None, first)
    trials = load_store(workspace, "s").stored_trials()
    suspended = {trial.digest for trial in trials if trial.may_be_resumed}
    finished = {trial.digest for trial in trials if isinstance(trial.outcome, Measured)}
    assert suspended and copies(place, workspace) == suspended
    assert suspended <= in_workspace(workspace) <= suspended | finished
    again = UploadingEngine(place)
    again.epochs = dict(first.epochs)
    run_search(halving(place), workspace, None, again)
    assert not copies(place, workspace)


def test_the_next_run_deletes_what_a_killed_one_has_not(workspace: Workspace, tmp_path: Path) -> None:
    place = str(tmp_path / "place")
    engine = UploadingEngine(place)
    run_search(halving(place), workspace, None, engine)
    for name in [*engine.sent, "of-somebody-else"]:
        folder = workspace.trials("s") / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / CHECKPOINT_NAME).write_bytes(b"weights")
        engine.folders.upload(folder)
    shutil.rmtree(workspace.trials("s"))
    run_search(halving(place), workspace, None, ScriptedEngine())  # on this machine's processes, after a cluster
    assert copies(place, workspace) == {"of-somebody-else"}


def test_a_copy_that_cannot_be_deleted_gives_one_message_and_fails_nothing(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = str(tmp_path / "place")

    def refuses(*_: Any) -> None:
        raise RuntimeError("the bucket is read-only\nand more")

    watcher = RecordingObserver()
    with monkeypatch.context() as patched:
        patched.setattr(RemoteTrialFiles, "delete", refuses)
        run_search(halving(place), workspace, watcher, UploadingEngine(place))
    assert watcher.summary is not None and watcher.summary.finished == 18 and "failed" not in watcher.states()
    (said,) = (note for note in watcher.notes if "cannot be removed" in note)
    assert place in said and said.endswith("the bucket is read-only; the next run tries again")
    assert copies(place, workspace)
    run_search(halving(place), workspace, None, ScriptedEngine())
    assert not copies(place, workspace)


def test_a_place_that_cannot_be_looked_at_does_not_stop_a_local_run(workspace: Workspace) -> None:
    watcher = RecordingObserver()
    run_search(halving("nosuch://place"), workspace, watcher, ScriptedEngine())
    assert watcher.summary is not None and watcher.summary.finished == 18
    assert sum("nosuch://place" in note for note in watcher.notes) == 1
