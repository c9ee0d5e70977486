"""The search command is killed at random moments: the study is completed, and no finished trial is trained again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from testing.signals import restore_sigint
from testing.striped_lines import striped_lines, write_pairs

ROOT = Path(__file__).parents[3]
LINES = 240
STUDY = """
name = "kills"
[data]
source = "lines"
[budget]
trials = 8
epochs = 4
[search]
sampler = "random"
workers = 2
[space]
width_percent = [25]
encoder_hidden = [8, 16, 24, 32, 40, 48]
encoder_layers = [1, 2]
"""


def prepare(folder: Path) -> None:
    """Writes a study file and lines; an epoch takes one or two seconds."""
    (folder / "study.toml").write_text(STUDY)
    write_pairs(folder / "lines", striped_lines(LINES, 0))


def start(folder: Path, log: Path) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PARETEXT_HOME": str(folder / "runs"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(folder / "study.toml")]
    with log.open("ab") as output:
        return subprocess.Popen(command, cwd=folder, stdout=output, stderr=output, env=env, preexec_fn=restore_sigint)


def finished_trials(workspace: Workspace) -> dict[int, dict[str, float]]:
    """Number to measurement of the trials that are complete."""
    if not workspace.optuna_file.exists():
        return {}
    try:
        store = load_store(workspace, "kills")
    except ValueError:
        return {}
    return {t.number: t.measurement for t in store.candidates()}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_study_survives_being_killed_at_random_moments(tmp_path: Path) -> None:
    """SIGKILL and SIGINT (Ctrl-C) in turn."""
    prepare(tmp_path)
    log, workspace = tmp_path / "log.txt", Workspace(tmp_path / "runs")
    moments = random.Random(9)
    before: dict[int, dict[str, float]] = {}
    for how in 2 * (signal.SIGKILL, signal.SIGINT):
        driver = start(tmp_path, log)
        try:
            driver.wait(moments.uniform(6, 16))
        except subprocess.TimeoutExpired:
            driver.send_signal(how)
        code = driver.wait(60)
        assert code in (0, -9, 130, -2), log.read_text()  # -2: Ctrl-C after its last word
        now = finished_trials(workspace)
        assert before.items() <= now.items(), "a finished trial was lost or measured again"
        before = now
    last = start(tmp_path, log)
    assert last.wait(400) == 0, log.read_text()
    store = load_store(workspace, "kills")
    assert store.trials(TrialState.RUNNING) == []
    done = store.trials(TrialState.COMPLETE)
    assert len({t.user_attrs["digest"] for t in done}) == len([t for t in done if "duplicate_of" not in t.user_attrs]) == 8
    assert before.items() <= finished_trials(workspace).items()
    assert not list(workspace.trials("kills").glob("*")), "checkpoints of finished trials are cleared away"


@pytest.mark.slow
def test_a_second_driver_is_turned_away_while_the_first_runs(tmp_path: Path) -> None:
    prepare(tmp_path)
    first = start(tmp_path, tmp_path / "first.txt")
    try:
        lock = Workspace(tmp_path / "runs").lock("study-kills")
        end = time.monotonic() + 60
        while not lock.exists() and time.monotonic() < end:
            time.sleep(0.2)
        second = start(tmp_path, tmp_path / "second.txt")
        assert second.wait(60) == 2
        assert "is being run by another process" in (tmp_path / "second.txt").read_text()
    finally:
        first.kill()
        first.wait()
