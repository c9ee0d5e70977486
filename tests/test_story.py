"""The whole workflow of a user: a search that is killed and resumed, then report, promote, predict, serve and roll back."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from optuna.trial import TrialState
from PIL import Image

from dashboards.cli.command_line import main
from studies import history
from studies.registry.mlflow_client import open_mlflow
from studies.storage.pareto_front import load_points, load_store
from studies.workspace.paths import Workspace
from testing.commands_at_once import commands_at_once
from testing.striped_lines import striped_lines, write_pairs

STUDY = """
name = "story"

[data]
source = "{folder}/training"
validation = "{folder}/validation"
test = false
rendered = false

[budget]
trials = 2
epochs = 5

[search]
workers = 2

[recipe]  # reads after one epoch
preset = "anytime"
min_epoch_lines = 400
flat_start_steps = 50

[space]
width_percent = [25]
encoder_hidden = [16, 24]
precision = ["fp16", "int8", "coded_50"]
"""
LINES = {"training": 240, "validation": 100, "unseen": 200}
TOLERANCE = 0.13
"""Largest difference between the accuracy on the validation lines and on the unseen ones: three standard deviations at 0.85."""


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "dashboards.cli.command_line", *(str(word) for word in words)]


def environment(workspace: Workspace) -> dict[str, str]:
    return {**os.environ, "PARETEXT_HOME": str(workspace.folder), "OMP_NUM_THREADS": "1"}


def kill_in_training(workspace: Workspace, study: Path) -> None:
    """Starts a search and kills its driver with SIGKILL once a training has saved its first checkpoint."""
    driver = subprocess.Popen(command("search", study), env=environment(workspace), stderr=subprocess.DEVNULL)
    try:
        end = time.monotonic() + 300
        while not any(workspace.trials("story").glob("*/*")):
            assert driver.poll() is None, "the search ended before it could be killed"
            assert time.monotonic() < end, "no training has left a file"
            time.sleep(0.2)
    finally:
        driver.kill()
        driver.wait()


class Paretext:
    """The command line in this process; only what is to be killed needs a process of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.stderr = ""

    def __call__(self, *words: object) -> Any:
        """Runs a command that must succeed, and returns what it prints with --json."""
        self._capsys.readouterr()
        code = main([*(str(word) for word in words), "--json"])
        printed = self._capsys.readouterr()
        self.stderr = printed.err
        assert code == 0, printed.err
        return json.loads(printed.out)

    def refused(self, *words: object) -> str:
        """Runs a command that must be refused, and returns the one line that says why."""
        self._capsys.readouterr()
        assert main([str(word) for word in words]) == 2
        (line,) = self._capsys.readouterr().err.splitlines()
        return line


@pytest.mark.slow
@pytest.mark.timeout(1500)
# long: one story, whose search takes a minute
def test_from_a_search_that_is_killed_to_text_read_by_the_champion(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace, paretext = Workspace(tmp_path / "runs"), Paretext(capsys)
    monkeypatch.setenv("PARETEXT_HOME", str(workspace.folder))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    study = tmp_path / "story.toml"
    study.write_text(STUDY.format(folder=tmp_path))
    lines = {part: striped_lines(count, seed) for seed, (part, count) in enumerate(LINES.items())}
    for part, of_part in lines.items():
        write_pairs(tmp_path / part, of_part)

    kill_in_training(workspace, study)
    front = paretext("search", study)
    assert "resumes: " in paretext.stderr
    assert front == paretext("front", "story")
    trials = load_store(workspace, "story").trials()
    assert all(trial.state.is_finished() for trial in trials)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and "duplicate_of" not in trial.user_attrs]
    trained = [trial.user_attrs["digest"] for trial in complete if trial.user_attrs["outcome"] == "measured"]
    assert len(set(trained)) == len(trained) == 2
    check_mlflow(workspace, [trial.number for trial in complete])

    best = max(front, key=lambda point: point["accuracy"])
    promoted = paretext("promote", "story")
    assert (promoted["trial"], promoted["size_bytes"]) == (best["trial"], best["size_bytes"])

    images = sorted((tmp_path / "unseen").glob("*.png"))
    readings = paretext("predict", *images, "--model", "models:/story@champion")
    assert [reading["image"] for reading in readings] == [str(image) for image in images]
    texts = [reading["text"] for reading in readings]
    right = sum(text == truth for text, truth in zip(texts, lines["unseen"].texts, strict=True))
    assert abs(right / len(texts) - best["accuracy"]) <= TOLERANCE
    assert all(0 <= reading["confidence"] <= 1 for reading in readings)
    assert re.fullmatch(r"[abc]*", "".join(texts))

    assert main(["report", "story", "--html", str(tmp_path / "story.html")]) == 0
    assert (tmp_path / "story.html").stat().st_size > 100_000
    image, truth = next((i, a) for i, a, b in zip(images, lines["unseen"].texts, texts, strict=True) if a == b)
    assert text_over_http(workspace, "story", image) == truth
    refuse_and_roll_back(workspace, paretext, promoted["trial"], agreed_lines(images, paretext, tmp_path / "agreed"))
    promote_at_once(workspace, "story")


def check_mlflow(workspace: Workspace, complete: list[int]) -> None:
    """MLflow has a run for each of these trials."""
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext").experiment_id
    children = client.search_runs([experiment], "tags.`paretext.kind` = 'trial'")
    children = [run for run in children if run.data.tags["paretext.state"] in ("measured", "checkpoint", "precision_variant")]
    assert sorted(int(run.data.tags["paretext.trial"]) for run in children) == sorted(complete)


def text_over_http(workspace: Workspace, model: str, image: Path) -> str:
    """What `paretext serve` answers to an image."""
    server = subprocess.Popen(
        command("serve", model, "--port", 0),
        env=environment(workspace),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        server.stdout.readline()
        address = server.stdout.readline().split()[-1]
        for _ in range(100):
            try:
                with urllib.request.urlopen(urllib.request.Request(address, image.read_bytes()), timeout=60) as answer:
                    return str(json.loads(answer.read())["text"])
            except OSError:
                time.sleep(0.2)
        raise AssertionError("the server does not answer")
    finally:
        server.kill()
        server.wait()


def agreed_lines(images: list[Path], paretext: Paretext, folder: Path) -> Path:
    """Lines in noise, labelled with what the champion reads in them, so that another network reads them worse."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for path in images:
        pixels = np.asarray(Image.open(path).convert("L"), dtype=np.float64)
        noisy = 0.4 * pixels + 0.6 * random.integers(0, 256, pixels.shape)
        Image.fromarray(noisy.astype(np.uint8)).save(folder / path.name)
    for reading in paretext("predict", folder, "--model", "models:/story@champion"):
        path = Path(reading["image"])
        path.with_suffix(".gt.txt").write_text(reading["text"]) if reading["text"] else path.unlink()
    return folder


def refuse_and_roll_back(workspace: Workspace, paretext: Paretext, champion: int, lines: Path) -> None:
    """A candidate that reads worse than the champion is refused, then forced, and that is undone."""
    points = {point.trial: point for point in load_points(workspace, "story")}
    hidden = points[champion].architecture["encoder_hidden"]
    other = next(point for point in points.values() if point.reads and point.architecture["encoder_hidden"] != hidden)
    words = ("promote", "story", "--trial", other.trial, "--data", lines)
    assert "it is worse than version 1: " in paretext.refused(*words)
    assert paretext(*words, "--force")["outcome"] == "forced"
    assert paretext("rollback", "story")["version"] == 1
    assert [change.version for change in history("story", workspace).changes] == [1, 2, 1]


def promote_at_once(workspace: Workspace, study: str, count: int = 6) -> None:
    """Promotions in as many processes leave one champion and a history without a gap."""
    trials = [point.trial for point in load_points(workspace, study) if point.reads]
    commands = [
        ["promote", study, "--as", "rushed", "--trial", str(trials[i % len(trials)]), "--json", *["--force"][: i % 2]]
        for i in range(count)
    ]
    answers = commands_at_once(commands, environment(workspace))
    assert all(run.code == 0 or (run.code == 2 and "--force promotes it" in run.err) for run in answers), answers
    made = [json.loads(run.out) for run in answers if run.code == 0]
    made = [promotion for promotion in made if promotion["outcome"] != "unchanged"]
    found = history("rushed", workspace)
    assert len({version.tags["sha256"] for version in found.versions}) == len(found.versions)
    assert sorted(promotion["version"] for promotion in made) == sorted(change.version for change in found.changes)
    assert [change.before for change in found.changes] == [None, *(change.version for change in found.changes[:-1])]
    champions = [version.version for version in found.versions if "champion" in version.aliases]
    assert champions == [found.changes[-1].version]
