"""The whole workflow of a user: a search that is killed and resumed, then front, promote and predict."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from dashboards.cli.command_line import main
from studies.registry.mlflow_client import open_mlflow
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
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


@pytest.mark.slow
@pytest.mark.timeout(1500)
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


def check_mlflow(workspace: Workspace, complete: list[int]) -> None:
    """MLflow has a run for each of these trials."""
    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext").experiment_id
    children = client.search_runs([experiment], "tags.`paretext.kind` = 'trial'")
    children = [run for run in children if run.data.tags["paretext.state"] in ("measured", "checkpoint", "precision_variant")]
    assert sorted(int(run.data.tags["paretext.trial"]) for run in children) == sorted(complete)
