"""`paretext models` lists the known models with their sizes and FLOPs, in seconds."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from search_space import Architecture, zoo
from testing.command_runs import Commands


@pytest.fixture(scope="module")
def listed() -> tuple[list[dict[str, object]], float]:
    """What `paretext models --json` prints in a process of its own, and the seconds of work that it takes."""
    before = os.times()
    command = [sys.executable, "-m", "dashboards.cli.command_line", "models", "--json"]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    after = os.times()
    seconds = after.children_user + after.children_system - before.children_user - before.children_system
    return json.loads(printed), seconds


def test_every_known_model_is_listed_with_all_figures(listed: tuple[list[dict[str, object]], float]) -> None:
    models, _ = listed
    assert [model["name"] for model in models] == zoo.names()
    for model in models:
        assert 0 < model["backbone_flops"] < model["flops"]  # type: ignore[operator]
        assert 0 < model["bytes_int8"] < model["bytes_fp16"] < model["bytes_fp32"]  # type: ignore[operator]
        architecture = Architecture.from_dict(model["architecture"])  # type: ignore[arg-type]
        assert architecture == zoo.architecture(str(model["name"]))
        bytes_each = model["bytes_fp32"] / model["parameters"]  # type: ignore[operator]
        if architecture.prune_percent:  # parameters are counted before pruning, bytes expected after it
            assert bytes_each < 1
        else:
            assert bytes_each == pytest.approx(4, rel=0.06)


def test_parameters_are_as_the_seed_counts_them(listed: tuple[list[dict[str, object]], float]) -> None:
    models, _ = listed
    published = {model["name"]: model for model in models}
    assert published["mobilev3_small_1.0"]["parameters"] == 1_538_241
    assert published["mobilev3_fpn_small_1.0"]["parameters"] == 1_044_961
    assert published["mobilev3_small_1.0"]["input"] == [3, 32, 320]


def test_the_list_takes_seconds_and_not_minutes(listed: tuple[list[dict[str, object]], float]) -> None:
    """Six to nine seconds of work on an idle machine, twice that on one that others share."""
    assert listed[1] < 20


def test_the_table_names_every_model(paretext: Commands) -> None:
    answer = paretext("models", "--symbols", "10")
    assert answer.code == 0
    rows = answer.out.splitlines()
    assert rows[0].split() == ["model", "architecture", "parameters", "MFLOPs", "backbone", "fp32", "fp16", "int8"]
    assert [row.split()[0] for row in rows[1 : 1 + len(zoo.names())]] == zoo.names()
    assert "before pruning" in answer.out
