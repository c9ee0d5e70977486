"""The whole workflow of a user: a search that is killed and resumed, then front, promote and predict."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from studies.registry.mlflow_client import open_mlflow
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace

STUDY = """
name = "story"

[budget]
trials = 2
epochs = 3

[space]
width_percent = [25]
encoder_hidden = [48, 96]
"""
LINES = 200
TOLERANCE = 0.08
"""Largest difference between the accuracy on validation lines and on `LINES` unseen ones: three standard deviations at 0.85."""


def paretext(workspace: Workspace, *words: object, timeout_s: float = 600) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(*words), env=environment(workspace), capture_output=True, text=True, timeout=timeout_s)


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
        time.sleep(2)
    finally:
        driver.kill()
        driver.wait()


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_from_a_search_that_is_killed_to_text_read_by_the_champion(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "runs")
    study = tmp_path / "story.toml"
    study.write_text(STUDY)

    kill_in_training(workspace, study)
    again = paretext(workspace, "search", study, "--json", timeout_s=1200)
    assert again.returncode == 0, again.stderr
    assert "resumes: " in again.stderr
    front = json.loads(again.stdout)
    assert front == json.loads(paretext(workspace, "front", "story", "--json").stdout)
    trials = load_store(workspace, "story").trials()
    assert all(trial.state.is_finished() for trial in trials)
    complete = [trial for trial in trials if trial.state == TrialState.COMPLETE and "duplicate_of" not in trial.user_attrs]
    assert len({trial.user_attrs["digest"] for trial in complete}) == len(complete)

    client = open_mlflow(workspace)
    experiment = client.get_experiment_by_name("paretext").experiment_id
    children = client.search_runs([experiment], "tags.`paretext.kind` = 'trial'")
    children = [run for run in children if run.data.tags["paretext.state"] in ("measured", "precision_variant")]
    assert sorted(int(run.data.tags["paretext.trial"]) for run in children) == sorted(trial.number for trial in complete)

    best = max(front, key=lambda point: point["accuracy"])
    promoted = json.loads(paretext(workspace, "promote", "story", "--json").stdout)
    assert (promoted["trial"], promoted["size_bytes"]) == (best["trial"], best["size_bytes"])

    assert paretext(workspace, "data", "digits", tmp_path / "unseen", "--count", LINES).returncode == 0
    images = sorted((tmp_path / "unseen").glob("*.png"))
    truths = dict(row.split("\t") for row in (tmp_path / "unseen" / "labels.txt").read_text().splitlines())
    assert len(images) == len(truths) == LINES
    read = paretext(workspace, "predict", *images, "--model", "models:/story@champion", "--json")
    assert read.returncode == 0, read.stderr
    readings = json.loads(read.stdout)
    assert [reading["image"] for reading in readings] == [str(image) for image in images]
    right = sum(reading["text"] == truths[Path(reading["image"]).name] for reading in readings)
    assert abs(right / LINES - best["accuracy"]) <= TOLERANCE
    assert all(0 <= reading["confidence"] <= 1 for reading in readings)
    assert re.fullmatch(r"\d*", "".join(reading["text"] for reading in readings))
