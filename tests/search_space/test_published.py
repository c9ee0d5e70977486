"""The 16 published models, held against the seed's own logs layer by layer."""

from __future__ import annotations

import csv
import json
import subprocess
import sys
from collections import Counter
from functools import cache

import pytest
import torch
from torch import Tensor, nn

from search_space import zoo
from search_space.counting import parameters
from search_space.recognizer import Recognizer, build_recognizer
from search_space.zoo.seed import SYMBOLS
from testing.shared_data import shared_folder

SEED = zoo.names("seed")
DEAD_BEHIND = {
    "mobilev3_fpn_small_1.0": "ResidualUnit-9",
    "mobilev3_fpn_bp_small_1.0": "ResidualUnit-9",
    "mobilev3_fpn_large_0.5_96bigru": "ResidualUnit-13",
}
"""FPN-A taps the first block of stage 5: the blocks from there to the neck never reach the output, yet the log has them."""

HELD_AT_ZERO = {"star_mv3_fpnb_small_1.0": 246}
"""Weights of TPS's layer for the side conditions of the spline, whose learning rate is 0 in the seed: they are not built."""

KINDS = {"Conv2D": "convolution", "GRU": "gru", "GRUCell": "gru", "Linear": "linear"}
Row = dict[str, str]


@cache
def logged_models() -> dict[str, Row]:
    with shared_folder("seed/models.csv").open(newline="") as file:
        return {row["id"]: row for row in csv.DictReader(file)}


@cache
def all_layers() -> list[Row]:
    with shared_folder("seed/layers.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def logged_layers(name: str) -> list[Row]:
    """The log of a model: before pruning, if it was pruned, and without the blocks that never reach the output."""
    rows = [row for row in all_layers() if row["model"] == name and row["stage"] != "after pruning"]
    if name not in DEAD_BEHIND:
        return rows
    labels = [row["layer"] for row in rows]
    last_block = max(index for index, label in enumerate(labels) if label.startswith("ResidualUnit"))
    return rows[: labels.index(DEAD_BEHIND[name]) + 1] + rows[last_block + 1 :]


def kind_of(row: Row) -> str:
    return KINDS.get(row["layer"].rsplit("-", 1)[0], "")


@cache
def built(name: str) -> Recognizer:
    with torch.device("meta"):
        return build_recognizer(zoo.architecture(name), SYMBOLS).eval().to("meta")


def own_layers(model: nn.Module) -> list[tuple[str, int]]:
    """(kind, learned numbers) of each convolution, GRU and linear layer."""
    kinds = {nn.Conv2d: "convolution", nn.GRU: "gru", nn.GRUCell: "gru", nn.Linear: "linear"}
    return [
        (kind, sum(p.numel() for p in module.parameters()))
        for module in model.modules()
        for type_, kind in kinds.items()
        if isinstance(module, type_)
    ]


def test_all_sixteen_are_known() -> None:
    assert list(logged_models()) == SEED


@pytest.mark.parametrize("name", SEED)
def test_parameters_are_the_logged_ones(name: str) -> None:
    row = logged_models()[name]
    logged = int(row["params_before_pruning"] or row["params_total"])
    dead = int(row["params_total"]) - sum(int(layer["params"]) for layer in logged_layers(name)) if name in DEAD_BEHIND else 0
    dead += HELD_AT_ZERO.get(name, 0)
    assert parameters(built(name)) == logged - dead == zoo.published(name).built_parameters
    assert zoo.published(name).logged_parameters == int(row["params_total"])


def test_fpn_a_without_its_dead_blocks() -> None:
    small, blurred, large = (parameters(built(name)) for name in DEAD_BEHIND)
    assert (small, blurred, large) == (1_044_961, 1_044_961, 1_680_649)


@pytest.mark.parametrize("name", SEED)
def test_convolutions_gru_and_linear_layers_are_the_logged_ones(name: str) -> None:
    logged = Counter((kind_of(row), int(row["params"])) for row in logged_layers(name) if kind_of(row))
    logged -= Counter([("linear", HELD_AT_ZERO[name])] if name in HELD_AT_ZERO else [])
    assert Counter(own_layers(built(name))) == logged


@pytest.mark.parametrize("name", SEED)
def test_every_map_is_as_large_as_the_logged_one(name: str) -> None:
    """Output shapes of all convolutions at 3 x 32 x 320, in whatever order."""
    model, shapes = built(name), Counter[tuple[int, ...]]()
    watched = [m for m in model.modules() if isinstance(m, nn.Conv2d)]
    handles = [m.register_forward_hook(lambda _m, _in, out: shapes.update([tuple(out.shape)])) for m in watched]
    with torch.no_grad():
        images: Tensor = torch.empty(1, 3, 32, 320, device="meta")
        images = images if model.rectifier is None else model.rectifier(images)
        maps = model.backbone(images)
        pooled = model.pooling(maps[-1] if model.neck is None else model.neck(maps))
    for handle in handles:
        handle.remove()
    logged = Counter(tuple(json.loads(r["output_shape"])) for r in logged_layers(name) if kind_of(r) == "convolution")
    assert shapes == logged
    assert pooled.shape[2:] == (1, 80)


@pytest.mark.parametrize("name", SEED)
def test_scores_and_sizes_are_the_published_ones(name: str) -> None:
    row, published = logged_models()[name], zoo.published(name)
    assert published.accuracy == float(row["accuracy"])
    assert published.allocated_mib == float(row["allocated_size_mb"])
    assert published.epochs == int(row["epochs"])
    architecture = zoo.architecture(name)
    assert architecture.prune_percent == round(100 * float(row["flops_pruned"]))
    assert architecture.encoder_hidden == int(row["rnn_hidden"])
    assert architecture.width_percent == round(100 * float(row["width"]))


@pytest.mark.parametrize("name", SEED)
def test_the_logs_trainable_counts_leave_out_what_batchnorm_learns(name: str) -> None:
    """The log takes all four numbers of a BatchNorm channel for untrained, though scale and shift are learned.

    So `params_trainable` is too low in all 16 rows; `params_total` is right.
    """
    row = logged_models()[name]
    stage = "after pruning" if row["params_before_pruning"] else ""
    norms = [r for r in all_layers() if r["model"] == name and r["stage"] == stage and r["layer"].startswith("BatchNorm")]
    of_norms = sum(int(r["params"]) for r in norms)
    assert int(row["params_total"]) - int(row["params_trainable"]) == of_norms


def test_known_models_are_named_without_torch() -> None:
    code = "import sys; from search_space import zoo; zoo.names(); sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_an_unknown_model_is_answered_with_the_nearest_one() -> None:
    with pytest.raises(zoo.UnknownModel, match=r"did you mean 'mobilev3_fpnd_small_1\.0'"):
        zoo.architecture("mobilev3_fpnd_small")
    with pytest.raises(zoo.UnknownModel, match="did you mean 'modern'"):
        zoo.names("modem")


@pytest.mark.parametrize("name", zoo.names("modern"))
def test_modern_baselines_read_a_line(name: str) -> None:
    architecture = zoo.architecture(name)
    model = build_recognizer(architecture, 10).eval()
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, architecture.height_px, 96))
    assert logits.shape == (1, 96 // architecture.time_stride, 11)
