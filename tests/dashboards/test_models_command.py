"""`paretext models` lists the known models with their sizes and FLOPs, without importing torch."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict

import pytest

from dashboards.cli.models_command import PUBLISHED_SYMBOLS
from search_space import Architecture, zoo
from search_space.zoo.seed import SYMBOLS
from testing.command_runs import Commands
from trainers.export.model_figures import computed, figures_of


@pytest.fixture(scope="module")
def listed() -> tuple[list[dict[str, object]], set[str]]:
    """What `paretext models --json` prints in a process of its own, and the modules that it imports."""
    script = "import sys\nfrom dashboards.cli.command_line import main\nmain(['models', '--json'])\n"
    script += "print(*sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return json.loads(done.stdout), set(done.stderr.split())


def test_every_known_model_is_listed_with_all_figures(listed: tuple[list[dict[str, object]], set[str]]) -> None:
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


def test_parameters_are_as_the_seed_counts_them(listed: tuple[list[dict[str, object]], set[str]]) -> None:
    models, _ = listed
    published = {model["name"]: model for model in models}
    assert published["mobilev3_small_1.0"]["parameters"] == 1_538_241
    assert published["mobilev3_fpn_small_1.0"]["parameters"] == 1_044_961
    assert published["mobilev3_small_1.0"]["input"] == [3, 32, 320]


def test_the_list_takes_no_torch(listed: tuple[list[dict[str, object]], set[str]]) -> None:
    """To import it takes seconds."""
    assert "dashboards.cli.models_command" in listed[1] and "torch" not in listed[1]


def test_the_stored_figures_are_those_that_are_computed(listed: tuple[list[dict[str, object]], set[str]]) -> None:
    models, _ = listed
    assert PUBLISHED_SYMBOLS == SYMBOLS
    now = [asdict(computed(name, zoo.architecture(name), SYMBOLS)) for name in zoo.names()]
    assert models == json.loads(json.dumps(now)), "run: python -m trainers.export.model_figures"


def test_other_figures_are_computed() -> None:
    name = zoo.names()[0]
    architecture = zoo.architecture(name)
    stored = figures_of(name, architecture, SYMBOLS)
    assert figures_of(name, architecture, SYMBOLS - 1).parameters < stored.parameters
    assert figures_of(name, architecture.with_(width_percent=50), SYMBOLS).parameters < stored.parameters


def test_the_table_names_every_model(paretext: Commands) -> None:
    answer = paretext("models", "--symbols", "10")
    assert answer.code == 0
    rows = answer.out.splitlines()
    assert rows[0].split() == ["model", "architecture", "parameters", "MFLOPs", "backbone", "fp32", "fp16", "int8"]
    assert [row.split()[0] for row in rows[1 : 1 + len(zoo.names())]] == zoo.names()
    assert "before pruning" in answer.out
