"""Workers train, are replaced when they die, and do not outlive their driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from search_space import Architecture
from studies.definition.study import resolve
from studies.engines.base import EpochFinished, Event, TrialFinished, TrialLost, TrialPaused
from studies.engines.local import LocalEngine
from studies.run.preparation import data_spec
from studies.workspace.paths import Workspace
from testing.engine_contract import LONG, count_epochs, epochs_in
from testing.engine_contract import job as engine_job
from trainers.base.worker_processes import HAS_FORK_SERVER
from trainers.data.dataset import prepare
from trainers.trial.run import TrialJob


def job(workspace: Workspace, folder: Path, epochs: int) -> TrialJob:
    study = resolve({}, "test")
    spec = data_spec(study, 32).with_(training_lines=200)
    prepare(spec, workspace.cache)
    return TrialJob(
        architecture=Architecture(width_percent=25, encoder_hidden=24),
        data=spec,
        cache_folder=workspace.cache,
        recipe=study.training_recipe.with_(min_epoch_lines=0),  # shows the lines once
        epochs=epochs,
        folder=folder,
        seed=0,
        threads=1,
    )


def wait_for(engine: LocalEngine, kind: type[Event], seconds: float = 120) -> list[Event]:
    """Everything up to the first event of a kind."""
    seen: list[Event] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for event in engine.wait(1.0):
            seen.append(event)
            if isinstance(event, kind):
                return seen
    raise AssertionError(f"no {kind.__name__} within {seconds} s; seen: {seen}")


def alive(pid: int) -> bool:
    if not Path("/proc/self/stat").exists():
        pytest.skip("reads the states of processes from Linux's /proc")
    try:
        state = Path(f"/proc/{pid}/stat").read_text().split()[2]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.slow
def test_a_training_is_stopped_lost_and_taken_up_again(workspace: Workspace, tmp_path: Path) -> None:
    engine = LocalEngine(1)
    try:
        # an order to stop may arrive after the next epoch has begun, so that epoch must not be the last
        epochs = 4
        long = job(workspace, tmp_path / "trial", epochs)
        engine.submit(7, long)
        before = wait_for(engine, EpochFinished)
        engine.stop(7)
        *more, paused = wait_for(engine, TrialPaused)
        assert isinstance(paused, TrialPaused) and paused.number == 7 and paused.epoch >= 1
        engine.submit(7, long)
        os.kill(engine.processes[0].pid or 0, signal.SIGKILL)
        lost = wait_for(engine, TrialLost)[-1]
        assert isinstance(lost, TrialLost) and "-9" in lost.reason and "memory" in lost.reason
        engine.submit(7, long)
        events = wait_for(engine, TrialFinished)
        last, *trained = [e.report for e in events if isinstance(e, EpochFinished)]
        said = [e.report for e in [*before, *more] if isinstance(e, EpochFinished)]
        assert last == said[-1], "said again, with the seconds of then"
        assert [report.epoch for report in trained] == list(range(paused.epoch + 1, epochs + 1))
    finally:
        engine.close()


@pytest.mark.skipif(not HAS_FORK_SERVER, reason="only Linux has a fork server")
def test_without_its_fork_server_a_training_is_lost_and_taken_up_again(tmp_path: Path) -> None:
    """The system may kill it where memory is short; then nobody can say how its workers are, so they are replaced."""
    engine = LocalEngine(1, count_epochs)
    try:
        engine.submit(7, engine_job(tmp_path / "trial", epochs=LONG))
        wait_for(engine, EpochFinished)
        (worker,) = engine.processes
        (status,) = (r for r in Path(f"/proc/{worker.pid}/status").read_text().splitlines() if r.startswith("PPid:"))
        os.kill(int(status.split()[1]), signal.SIGKILL)
        lost = wait_for(engine, TrialLost)[-1]
        assert isinstance(lost, TrialLost) and lost.number == 7 and lost.reason.startswith("the fork server of its worker")
        end = time.monotonic() + 30
        while alive(worker.pid or 0) and time.monotonic() < end:
            time.sleep(0.1)
        assert not alive(worker.pid or 0), "it would write into the folder of the one that takes its place"
        done = epochs_in(tmp_path / "trial")
        engine.submit(7, engine_job(tmp_path / "trial", epochs=LONG), until_epoch=done + 1)
        assert wait_for(engine, TrialPaused)[-1] == TrialPaused(7, done + 1)
    finally:
        engine.close()


def test_workers_leave_sigterm_to_their_driver_and_end_with_it_all_the_same() -> None:
    """A service manager sends it to every process. An engine that nobody has closed does not keep its driver from ending."""
    code = (
        "import os, signal, time\nfrom studies.engines.local import LocalEngine\n"
        "engine = LocalEngine(1)\n"
        "engine.start()\n"
        "worker, = engine.processes\n"
        "while not int(next(r for r in open(f'/proc/{worker.pid}/status') if r[:7] == 'SigIgn:')[7:], 16) >> 14 & 1:\n"
        "    time.sleep(0.05)\n"
        "os.kill(worker.pid, signal.SIGTERM)\n"
        "worker.join(1)\n"
        "assert worker.is_alive(), worker.exitcode\n"
    )
    if not Path("/proc/self/status").exists():
        pytest.skip("reads the signals that a process ignores from Linux's /proc")
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120, env={**os.environ, "PYTHONPATH": "."})


def test_workers_end_with_their_driver() -> None:
    code = (
        "import time\nfrom studies.engines.local import LocalEngine\n"
        "if __name__ == '__main__':\n"
        "    engine = LocalEngine(2)\n"
        "    engine.start()\n"
        "    print(*(process.pid for process in engine.processes), flush=True)\n"
        "    time.sleep(60)\n"
    )
    script = Path(os.environ.get("TMPDIR", "/tmp")) / f"paretext-driver-{os.getpid()}.py"
    script.write_text(code)
    driver = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": "."}
    )
    try:
        assert driver.stdout is not None
        pids = [int(p) for p in driver.stdout.readline().split()]
        assert len(pids) == 2 and all(alive(p) for p in pids)
        driver.kill()
        driver.wait()
        end = time.monotonic() + 30
        while any(alive(p) for p in pids) and time.monotonic() < end:
            time.sleep(0.1)
        assert not any(alive(p) for p in pids)
    finally:
        driver.kill()
        script.unlink()
