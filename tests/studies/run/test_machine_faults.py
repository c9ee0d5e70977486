"""A fault of the machine stops a run and is not held against the architectures; the same command continues later."""

from __future__ import annotations

import errno
import re
from dataclasses import replace
from pathlib import Path

import pytest
from optuna.trial import TrialState

from dashboards.cli.command_line import main
from search_space import Architecture
from studies.engines.base import EpochFinished, Event, TrialFailed, TrialLost
from studies.run.fault_watch import RESTART_PAUSE_S, FaultWatch, RunFault
from studies.storage.pareto_front import load_points, load_store
from studies.workspace.paths import Workspace
from testing.scripted_engine import ScriptedEngine
from testing.small_studies import RecordingObserver, RecordingTracker, numbers_in, run_search, study
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.candidate import Candidate
from trainers.base.errors import FaultKind, UnfitArchitecture, UserError, fault_of
from trainers.base.progress import EpochReport
from trainers.base.recipe import Recipe
from trainers.batching.line_selection import plan_lines
from trainers.data.spec import DataSpec
from trainers.trial.run import TrialJob, run_trial


class FailingEngine(ScriptedEngine):
    """Fails every training at its start once so many have ended well."""

    def __init__(self, kind: FaultKind, reason: str, after: int = 0) -> None:
        super().__init__()
        self._kind, self._reason, self._good = kind, reason, after
        self.failed = 0

    def wait(self, timeout_s: float) -> list[Event]:
        if not self._open or len(self.trained) < self._good or self._open[0][1].export_only:
            return super().wait(timeout_s)
        number, _ = self._open.popleft()
        self.failed += 1
        return [TrialFailed(number, self._kind, self._reason.replace("N", str(self.failed)))]


@pytest.mark.parametrize("kind", ["machine", "cache"])
def test_the_run_stops_at_once_its_trial_stays_open_and_the_next_run_trains_it(workspace: Workspace, kind: FaultKind) -> None:
    engine, tracker = FailingEngine(kind, "OSError: no space left on device", after=2), RecordingTracker()
    with pytest.raises(RunFault, match=r"trial \d cannot train \(OSError: no space left on device\)"):
        run_search(study(), workspace, None, engine, tracker)
    assert engine.failed == 1 and engine.closed and tracker.calls[-1] == ("finish", "stopped")
    assert numbers_in(workspace, TrialState.FAIL) == []
    left = numbers_in(workspace, TrialState.RUNNING)
    assert left and len(load_points(workspace, "s")) == 2
    again = ScriptedEngine()
    run_search(study(), workspace, None, again)
    assert len(load_points(workspace, "s")) == 5, "nothing of the budget is lost"
    assert {t.number for t in load_store(workspace, "s").candidates()} >= set(left)


def test_three_trials_in_a_row_that_fail_for_one_reason_stop_the_run(workspace: Workspace) -> None:
    engine = FailingEngine("error", "RuntimeError: CUDA error at 0x7f3N in call N")
    with pytest.raises(RunFault, match="3 trials in a row"):
        run_search(study(budget={"trials": 8, "epochs": 2}), workspace, None, engine)
    assert engine.failed == 3 and len(numbers_in(workspace, TrialState.FAIL)) == 3
    again = ScriptedEngine()
    run_search(study(budget={"trials": 8, "epochs": 2}), workspace, None, again)
    assert len(again.trained) == 5, "the next run continues with others"


@pytest.mark.parametrize("kind", ["nan", "oom"])
def test_what_candidates_cause_never_stops_a_run(workspace: Workspace, kind: FaultKind) -> None:
    engine = FailingEngine(kind, "out of memory")
    run_search(study(), workspace, None, engine)
    assert engine.failed == 5 == len(numbers_in(workspace, TrialState.FAIL))


def trained(number: int) -> EpochFinished:
    return EpochFinished(number, EpochReport(1, 5, 1.0, 0.5, 0.5, 0.1))


def test_only_failures_of_one_reason_in_a_row_count() -> None:
    def fail(watch: FaultWatch, number: int, reason: str) -> None:
        watch.failed(TrialFailed(number, "error", reason))
        watch.check()

    watch = FaultWatch()
    for number, reason in enumerate(("KeyError: a", "KeyError: a", "ValueError: b", "KeyError: a", "KeyError: a")):
        fail(watch, number, reason)
    watch.epoch_finished(trained(7), 1)
    for number in (8, 9, 7, 10, 11):  # 7 has trained an epoch before it fails
        fail(watch, number, "KeyError: a")
    with pytest.raises(RunFault, match="KeyError: a"):
        fail(watch, 12, "KeyError: a")


def test_a_process_that_dies_at_the_start_of_every_trial_stops_the_run(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr("studies.run.fault_watch.time.sleep", pauses.append)

    class Dying(ScriptedEngine):
        def wait(self, timeout_s: float) -> list[Event]:
            number, _ = self._open.popleft()
            return [TrialLost(number, "its worker process ended with code -9")]

    watcher = RecordingObserver()
    with pytest.raises(RunFault, match="ended with code -9, 3 times"):
        run_search(study(), workspace, watcher, Dying())
    assert watcher.states() == ["failed"] * 3
    assert set(pauses) == {RESTART_PAUSE_S} and len(pauses) >= 3, "a pause before the second restart of each"


def test_a_full_disk_of_the_driver_is_one_line_and_loses_nothing(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched, pytest.raises(RunFault, match="No space left on device"):
        patched.setattr("studies.run.trial_recorder.shutil.copyfile", full)
        run_search(study(), workspace, None, ScriptedEngine())
    assert numbers_in(workspace, TrialState.FAIL) == [] and numbers_in(workspace, TrialState.RUNNING)
    run_search(study(), workspace, None, ScriptedEngine())
    assert len(load_points(workspace, "s")) == 5


def test_a_model_that_was_damaged_after_it_was_measured_is_not_recorded(workspace: Workspace) -> None:
    class Damaging(ScriptedEngine):
        def _candidates(self, job: TrialJob) -> Candidate:
            made = super()._candidates(job)
            return replace(made, measurement=replace(made.measurement, sha256="0" * 64))

    with pytest.raises(RunFault, match="is not the file that was measured"):
        run_search(study(), workspace, None, Damaging())
    assert load_points(workspace, "s") == [] and numbers_in(workspace, TrialState.FAIL) == []
    assert not list(workspace.models.rglob("*.onnx"))


def test_which_exceptions_a_candidate_is_to_blame_for() -> None:
    kinds = {
        "machine": [OSError(errno.EIO, "read"), PermissionError("no"), UserError("gone"), ConnectionError("hub")],
        "oom": [
            MemoryError(),
            OSError(errno.ENOMEM, "mmap"),
            RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried ..."),
        ],
        "error": [UnfitArchitecture("too narrow"), RuntimeError("shape\nof a tensor"), KeyError()],
    }
    for kind, errors in kinds.items():
        for error in errors:
            assert fault_of(error).kind == kind and "\n" not in fault_of(error).reason


def test_data_that_are_gone_are_no_fault_of_the_architecture(tmp_path: Path) -> None:
    write_pairs(tmp_path / "lines", striped_lines(20, 0))
    (tmp_path / "lines").rename(tmp_path / "unmounted")
    job = TrialJob(
        Architecture(width_percent=25),
        DataSpec(training=str(tmp_path / "lines")),
        tmp_path / "cache",
        Recipe(),
        1,
        tmp_path / "t",
    )
    with pytest.raises(UserError) as caught:
        run_trial(job, lambda _: True)
    assert fault_of(caught.value).kind == "machine" and re.search("lines", str(caught.value))


def test_labels_that_an_architecture_cannot_write_are_its_own_fault() -> None:
    import torch

    from search_space.recognizer import build_recognizer
    from trainers.data.charset import Charset

    lines = striped_lines(3, 0, letters=(9, 9))
    architecture = Architecture(width_percent=25, time_stride=8)
    narrow = type(lines)([image[:, :20] for image in lines.images], lines.texts)
    with pytest.raises(UnfitArchitecture) as caught:
        plan_lines(narrow, Charset(tuple("abc")), build_recognizer(architecture, 3), Recipe(), torch.device("cpu"))
    assert fault_of(caught.value).kind == "error"


def test_the_command_shows_the_front_and_one_line(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    failing = FailingEngine("machine", "OSError: no space left on device", after=2)
    monkeypatch.setattr("studies.run.search.engines", {"local": lambda _: failing})
    words = ["search", "--name", "s", "--data", "digits", "--trials", "5", "--epochs", "1", "--json"]
    assert main(words) == 2
    printed = capsys.readouterr()
    assert printed.out.startswith("[") and '"trial"' in printed.out
    (line,) = [text for text in printed.err.splitlines() if text.startswith("paretext: ")]
    assert "no space left on device" in line and "the same command continues" in line


def test_an_epoch_of_another_trial_ends_a_row() -> None:
    watch = FaultWatch()
    for number in range(6):
        watch.failed(TrialFailed(number, "error", "KeyError: a"))
        watch.check()
        watch.epoch_finished(trained(100 + number), 1)
