"""Published figures of four pruned networks, under the layer names of our ResNet18."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import torch

from search_space.recognizer import Recognizer

PRUNED_ROWS = {
    "resnet18_48_prune_0.9": ("resnet18_48_prune_0.9", 90, 2104710),
    "resnet18_64_prune_0.9": ("resnet18_64_prune_0.9", 90, 2215209),
    "resnet18se_48_prune_0.9": ("resnet18se_48_prune_0.9", 90, 2161396),
    "resnet18se_64_prune_0.91": ("resnet18_64_prune_0.9", 91, 2371780),
}
"""Published model to (model whose sensitivity table is used, percent of work removed, parameters that were left).

The table of resnet18se_64_prune_0.91 was not published; that of the network without squeeze-and-excitation is used for it.
"""

LAST_STAGE = "backbone.blocks.6.second.conv"
"""Our name of `res5a_branch2b`, the one layer that was not pruned in the published models."""


def our_name(published: str) -> str:
    """Maps a published layer name to ours.

    Args:
        published: such as `res4b_branch2a_weights`.

    Returns:
        The first layer of the corresponding channel group in our ResNet18.
    """
    layer = published.removesuffix("_weights")
    if layer.startswith("conv1_"):
        return f"backbone.stem.{int(layer[-1]) - 1}.conv"
    block = 2 * (int(layer[3]) - 2) + "ab".index(layer[4])
    ends = {"branch2a": "first.conv", "branch2b": "second.conv", "se_1": "attention.reduce"}
    return f"backbone.blocks.{block}.{ends[layer[6:]]}"


def published_table(seed: Path, model: str) -> dict[str, list[tuple[float, float]]]:
    """Reads the published sensitivity table of a model.

    Args:
        seed: the folder with `pruning_sensitivity.csv`.
        model: as named in that file.

    Returns:
        Layer name to (fraction of channels removed, loss of accuracy) pairs.
    """
    table: dict[str, list[tuple[float, float]]] = {}
    with (seed / "pruning_sensitivity.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == model:
                point = (float(row["filter_ratio_pruned"]), float(row["accuracy_loss"]))
                table.setdefault(our_name(row["layer"]), []).append(point)
    return table


def published_channels(seed: Path, model: str) -> list[int]:
    """Reads how many channels every convolution of a published model has after pruning, in the order of the log.

    Args:
        seed: the folder with `layers.csv`.
        model: as named in that file.
    """
    with (seed / "layers.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["model"] == model and r["stage"] == "after pruning"]
    shapes = [json.loads(r["output_shape"]) for r in rows if r["layer"].startswith("Conv2D")]
    return [(shape[0] if isinstance(shape[0], list) else shape)[1] for shape in shapes]


def channels_in_order(recognizer: Recognizer) -> list[int]:
    """Returns the output channels of every convolution in the order of the published log: a block's shortcut is last."""
    blocks = [
        layer
        for block in recognizer.backbone.blocks  # type: ignore[union-attr]
        for part in (block.first, block.second, block.attention, block.shortcut)
        for layer in part.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]
    stem = [layer for layer in recognizer.backbone.stem.modules() if isinstance(layer, torch.nn.Conv2d)]  # type: ignore[union-attr]
    return [layer.out_channels for layer in (*stem, *blocks)]
