"""The search command ends at random moments, by a kill, a signal or its time: nothing is lost, and each front can be used."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from dashboards.cli.command_line import main
from studies.run.study_log import epoch_logs, read_log
from studies.storage.outcomes import Measured, PrecisionVariantOf
from studies.storage.pareto_front import load_front, load_points, load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.kept_weights import KeptWeights
from studies.workspace.paths import Workspace
from testing.signals import restore_sigint
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.inference.reader import Reader
from trainers.inherit.weights_file import read_weights
from trainers.trial.epoch_log import read_epochs

ROOT = Path(__file__).parents[3]
LINES = 240
MOMENTS = int(os.environ.get("PARETEXT_MOMENTS", "3"))
"""How often the search is ended, each time in another way: three take a minute alone. Set 30 for a thorough run. SIGTERM, the
fourth way, has a test of its own (`test_sigterm.py`)."""
MOST_EVENTS = 12
"""Events of its log after which a run is ended at the latest: a training has about six, on fast and slow machines alike."""
LONGEST_S = 20.0
"""Longest `--time` of a run, its start of some six seconds included."""
STARTUP_S = 120.0
"""Seconds that a busy machine may take until a search has imported everything and decoded its lines."""
LONGEST_END_S = 60.0 * max(MOMENTS, 6)
"""Seconds that a busy machine may take for the last run, which ends the study."""
CTRL_C, KILL, TIME, TERM = "Ctrl-C", "kill -9", "--time", "SIGTERM"
STUDY = """
name = "kills"
[data]
source = "lines"
test = false
rendered = false
[budget]
trials = {trials}
epochs = 4
[search]
sampler = "random"
inherit = "always"
workers = 2
[recipe]  # reads after one epoch
preset = "anytime"
min_epoch_lines = 400
flat_start_steps = 50
[space]
width_percent = [25]
encoder_hidden = [8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 44, 48]
encoder_layers = [1, 2]
precision = ["int8", "coded_50"]
"""


def prepare(folder: Path, trials: int = 8) -> None:
    """Writes a study file and lines."""
    (folder / "study.toml").write_text(STUDY.format(trials=trials))
    write_pairs(folder / "lines", striped_lines(LINES, 0))


def start(folder: Path, log: Path, *options: str) -> subprocess.Popen[bytes]:
    env = {**os.environ, "PARETEXT_HOME": str(folder / "runs"), "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(folder / "study.toml"), *options]
    with log.open("ab") as output:
        return subprocess.Popen(
            command, cwd=folder, stdout=output, stderr=output, env=env, preexec_fn=restore_sigint, start_new_session=True
        )


def closed_trials(workspace: Workspace) -> dict[int, StoredTrial]:
    """Number to record of every trial that is closed."""
    try:
        trials = load_store(workspace, "kills").stored_trials()
    except UserError:  # ended before the study was written
        return {}
    return {trial.number: trial for trial in trials if not trial.is_open}


def end_it(folder: Path, log: Path, how: str, moments: random.Random) -> None:
    """Runs the search and ends it within a second of a random event of its log, or within a second of its start."""
    if how == TIME:
        driver = start(folder, log, "--time", f"{moments.uniform(1, LONGEST_S):.1f}s")
        assert driver.wait(STARTUP_S) in (0, 1), log.read_text()
        return
    events = Workspace(folder / "runs").log("kills")
    wanted = len(read_log(events)) + moments.randint(0, MOST_EVENTS)
    driver, end = start(folder, log), time.monotonic() + STARTUP_S
    while len(read_log(events)) < wanted and driver.poll() is None and time.monotonic() < end:
        time.sleep(0.05)
    try:
        driver.wait(moments.random())
    except subprocess.TimeoutExpired:
        if how == TERM:  # to the workers, too, as systemd and Slurm do
            os.killpg(driver.pid, signal.SIGTERM)
        else:
            driver.send_signal(signal.SIGKILL if how == KILL else signal.SIGINT)
    code = driver.wait(STARTUP_S)
    # 0 and 1: it had ended before; -2 and -15: ended before its first word
    assert code in (0, 1, -9, 130, -2, 143, -15), log.read_text()


def check_files(workspace: Workspace, trials: dict[int, StoredTrial]) -> None:
    """Every measured file is there, with the bytes that were measured."""
    files = {point.trial: Path(point.model) for point in load_points(workspace, "kills")} if trials else {}
    assert set(files) == {trial.number for trial in trials.values() if trial.is_candidate}
    for number, file in files.items():
        measured = trials[number].measurement
        assert measured is not None and file_sha256(file) == measured.sha256


def check_lineages(workspace: Workspace, trials: dict[int, StoredTrial]) -> None:
    """Kept weights are whole, and a network that inherited names a trial of the study or the starter weights."""
    kept = KeptWeights(workspace.weights("kills"), 1e9, pytest.fail).parents
    for parent in kept:
        assert parent.file is not None and file_sha256(parent.file) == parent.sha256
        assert read_weights(parent.file)[1].epochs == parent.epochs
    lineages = [trial.lineage for trial in trials.values() if trial.lineage is not None]
    assert kept and lineages
    assert {lineage.parent.name for lineage in lineages} <= {"starter", *(f"trial {number}" for number in trials)}


def check_front(workspace: Workspace, image: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Front, promote and predict work on what there is."""
    front = load_front(workspace, "kills")
    if not front:
        return
    capsys.readouterr()
    assert main(["front", "kills", "--json"]) == 0
    assert [point["trial"] for point in json.loads(capsys.readouterr().out)] == [point.trial for point in front]
    best = max(front, key=lambda point: (point.accuracy, -point.size_bytes))
    assert main(["promote", "kills", "--force", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["trial"] == best.trial
    assert main(["predict", str(image), "--json"]) == 0
    (read,) = json.loads(capsys.readouterr().out)
    assert read["text"] == Reader(Path(best.model)).read([Image.open(image)])[0].text


@pytest.mark.slow
@pytest.mark.timeout(LONGEST_END_S + 100 * MOMENTS)
def test_whenever_a_search_ends_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The same command is ended in four ways in turn; what was closed stays, and at last the study is complete."""
    trials = max(4, MOMENTS)
    prepare(tmp_path, trials)
    log, workspace, moments = tmp_path / "log.txt", Workspace(tmp_path / "runs"), random.Random(9)
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    image, before = tmp_path / "lines" / "000.png", dict[int, StoredTrial]()
    for at in range(MOMENTS):
        end_it(tmp_path, log, (KILL, CTRL_C, TIME, TERM)[at % 4], moments)
        now = closed_trials(workspace)
        lost = [number for number, trial in before.items() if now.get(number) != trial]
        assert not lost, f"closed trials {lost} were lost or have changed"
        check_files(workspace, now)
        if now.keys() - before.keys():
            check_front(workspace, image, capsys)
        before = now
    last = start(tmp_path, log)
    assert last.wait(LONGEST_END_S) == 0, log.read_text()
    now = closed_trials(workspace)
    assert before.items() <= now.items() and not load_store(workspace, "kills").open_trials()
    assert sum(trial.counts_against_budget for trial in now.values()) == trials
    whole = [t.architecture for t in now.values() if isinstance(t.outcome, Measured | PrecisionVariantOf) and t.architecture]
    assert len({(a.with_(precision="fp32").digest, a.precision) for a in whole}) == 2 * trials, "one training, two files"
    measured = [trial.digest for trial in now.values() if isinstance(trial.outcome, Measured)]
    assert len(set(measured)) == len(measured), "no architecture is trained to its end twice"
    for epochs in epoch_logs(workspace, "kills"):
        numbers = [epoch["epoch"] for epoch in read_epochs(epochs)]
        assert numbers == sorted(set(numbers)), "no finished epoch is trained again"
    check_files(workspace, now)
    check_lineages(workspace, now)
    check_front(workspace, image, capsys)
    on_front = {str(now[point.trial].digest) for point in load_front(workspace, "kills")}
    assert {path.name for path in workspace.trials("kills").glob("*")} <= on_front | set(measured), "others are cleared away"


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
