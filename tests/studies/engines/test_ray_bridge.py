"""The bridge to Ray Tune, without Ray: trials are passed on, pause after the epoch that the driver names, and end once."""

from __future__ import annotations

import json
import os
import pickle
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from search_space import Architecture
from studies.definition.study import resolve
from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.engines.ray_bridge import TuneBridge
from studies.engines.remote_worker import TrialResources, node_cache, run_on_node, training_request
from studies.workspace.remote_trial_files import RemoteTrialFiles
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.trial.epoch_log import read_epochs
from trainers.trial.run import TrialJob


def job(folder: Path, source: str = "digits", epochs: int = 9) -> TrialJob:
    study = resolve({"data": {"source": source}}, "test")
    return TrialJob(
        architecture=Architecture(width_percent=25, encoder_hidden=8),
        data=study.data.spec(height_px=32, seed=0),
        cache_folder=folder / "cache",
        recipe=study.training_recipe.with_(min_epoch_lines=0),  # shows the lines once
        epochs=epochs,
        folder=folder / "studies" / "s" / "trials" / "digest",
    )


def message(epoch: int, epochs: int = 9) -> dict[str, Any]:
    report = {"epoch": epoch, "epochs": epochs, "loss": 1.0, "accuracy": 0.5, "cer": 0.5, "seconds": 1.0}
    return {"epoch": json.dumps(report)}


def events(bridge: TuneBridge) -> list[Event]:
    seen = []
    while not bridge.events.empty():
        seen.append(bridge.events.get_nowait())
    return seen


def test_a_trial_pauses_after_its_epoch_and_resumes_under_the_same_number() -> None:
    bridge = TuneBridge()
    bridge.submit(4, {"number": 4}, 3)
    assert bridge.next_request(0.0) == {"number": 4} and bridge.next_request(0.0) is None
    assert [bridge.on_report(4, message(epoch)) for epoch in (1, 2, 3)] == [True, True, False]
    assert not bridge.on_report(4, message(4)), "no epoch is reported after the pause"
    assert [type(e) for e in events(bridge)] == [EpochFinished, EpochFinished, EpochFinished, TrialPaused]
    bridge.submit(4, {"number": 4}, None)
    assert bridge.next_request(0.0) == {"number": 4}
    assert [bridge.on_report(4, message(epoch)) for epoch in (3, 4, 9)] == [True] * 3, (
        "the last epoch is followed by the export"
    )


def test_a_stopped_trial_pauses_after_its_epoch_unless_that_was_the_last() -> None:
    bridge = TuneBridge()
    bridge.submit(1, {}, None)
    bridge.submit(2, {}, None)
    bridge.stop(1)
    bridge.stop(2)
    assert not bridge.on_report(1, message(5)) and bridge.on_report(2, message(9))


def test_a_lost_trial_is_lost_once_and_can_be_submitted_again() -> None:
    bridge = TuneBridge()
    bridge.submit(1, {"number": 1}, 3)
    bridge.next_request(0.0)
    bridge.on_lost(1, "gone")
    bridge.on_lost(1, "gone")
    assert events(bridge) == [TrialLost(1, "gone")]
    bridge.submit(1, {"number": 1}, 3)
    assert bridge.next_request(0.0) == {"number": 1}
    assert not bridge.on_report(1, {"failed": json.dumps(["nan", "the loss is not finite"])})
    bridge.on_lost(1, "its actor was ended afterwards")
    assert events(bridge) == [TrialFailed(1, "nan", "the loss is not finite")]


def test_a_request_ends_the_wait_at_once_and_so_does_closing_the_bridge() -> None:
    bridge, got = TuneBridge(), []
    waiting = threading.Thread(target=lambda: got.append(bridge.next_request(60.0)))
    waiting.start()
    bridge.submit(1, {"number": 1}, None)
    waiting.join(5)
    assert got == [{"number": 1}]
    started = time.monotonic()
    bridge.close()
    bridge.on_lost(1, "gone")
    assert bridge.next_request(60.0) is None and time.monotonic() - started < 5


def test_tune_may_pickle_a_bridge() -> None:
    bridge = TuneBridge()
    bridge.submit(1, {"number": 1}, None)
    assert pickle.loads(pickle.dumps(bridge)).next_request(0.0) is None


def test_an_error_on_a_node_is_returned_and_not_raised(tmp_path: Path) -> None:
    missing = training_request(1, job(tmp_path, source=str(tmp_path / "nowhere")), TrialResources(), None)
    kind, reason = json.loads(run_on_node(missing, lambda _: None, on_driver_node=True)["failed"])
    assert kind == "machine" and "nowhere" in reason


@pytest.mark.slow
def test_a_copy_is_uploaded_after_each_epoch_and_the_newer_one_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that dies after an epoch leaves its checkpoint where the next one takes it; the driver ends up with the model."""
    monkeypatch.setenv("PARETEXT_NODE_CACHE", str(tmp_path / "node"))
    write_pairs(tmp_path / "lines", striped_lines(60, 0))
    trial, place = job(tmp_path, str(tmp_path / "lines"), epochs=3), f"file://{tmp_path / 'shared'}"
    request, folders, seen = training_request(1, trial, TrialResources(), place), RemoteTrialFiles(place), []

    class Died(BaseException): ...

    def dies(what: dict[str, Any]) -> None:
        seen.append(json.loads(what["epoch"])["epoch"])
        if len(seen) == 2:
            raise Died

    with pytest.raises(Died):
        run_on_node(request, dies, on_driver_node=False)
    folders.sync_to_workspace(trial.folder)
    assert (trial.folder / "checkpoint.pt").is_file()
    folders.delete(trial.folder)
    assert not folders.download(trial.folder)
    (trial.folder / ".taken").unlink()  # as if the driver's machine had trained it
    folders.upload_if_changed(trial.folder)
    outcome = run_on_node(request, dies, on_driver_node=False)
    assert "finished" in outcome and seen == [1, 2, 2, 3], "it says first where it stands, and trains no epoch again"
    folders.sync_to_workspace(trial.folder)
    assert [line["epoch"] for line in read_epochs(trial.folder / "epochs.jsonl")] == [1, 2, 3]
    folders.sync_to_workspace(trial.folder)
    assert (trial.folder / "model.onnx").is_file() and (trial.folder / "candidate.json").is_file()
    assert not [path for path in (tmp_path / "node" / "trials").rglob("*") if path.is_file()], "the node keeps nothing of it"


def test_a_place_that_fsspec_does_not_support_is_named() -> None:
    with pytest.raises(UserError, match=r"search\.shared: 'nosuch://x' cannot be used"):
        RemoteTrialFiles("nosuch://x")


def test_a_candidate_comes_back_as_it_went() -> None:
    from studies.engines.remote_worker import candidate_from_json
    from trainers.base.candidate import Candidate, Measurement

    candidate = Candidate(Architecture(), Measurement(0.5, 0.1, 1000, 1.0, 250, 60, 9000), Path("/x/model.onnx"))
    bridge = TuneBridge()
    bridge.submit(1, {}, None)
    sent = json.dumps(candidate.as_dict())
    assert candidate_from_json(sent) == candidate
    assert not bridge.on_report(1, {"finished": sent}) and events(bridge) == [TrialFinished(1, candidate)]


@pytest.mark.parametrize("taken", ["a link", "a file", "somebody else's"])
def test_a_node_keeps_its_cache_to_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, taken: str) -> None:
    monkeypatch.delenv("PARETEXT_NODE_CACHE", raising=False)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    folder = node_cache()
    assert folder.parent == tmp_path and folder.stat().st_mode & 0o777 == 0o700
    folder.chmod(0o755)
    assert node_cache().stat().st_mode & 0o777 == 0o700
    folder.rmdir()
    if taken == "a link":
        (tmp_path / "elsewhere").mkdir(mode=0o755)
        folder.symlink_to(tmp_path / "elsewhere")
    elif taken == "a file":
        folder.write_bytes(b"")
    else:
        folder.mkdir(mode=0o755)
        user = os.getuid()
        monkeypatch.setattr("os.getuid", lambda: user + 1)
        folder.rename(tmp_path / f"paretext-cache-{user + 1}")
    before = {place: place.lstat().st_mode for place in tmp_path.iterdir()}
    with pytest.raises(UserError, match="name another folder with PARETEXT_NODE_CACHE"):
        node_cache()
    assert {place: place.lstat().st_mode for place in tmp_path.iterdir()} == before
