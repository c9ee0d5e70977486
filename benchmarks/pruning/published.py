"""The four published pruned networks, made from their unpruned parents by the published sensitivity tables.

    python -m benchmarks.pruning.published SEED

SEED is the folder with `pruning_sensitivity.csv` and `layers.csv`. Nothing is trained: what is compared is how many channels
each convolution keeps.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

import torch

from search_space import zoo
from search_space.counting import flops, parameters
from search_space.recognizer import Recognizer, build_recognizer
from trainers.pruning.mask import cut_away
from trainers.pruning.prune import solved

PRUNED_ROWS = {
    "resnet18_48_prune_0.9": ("resnet18_48_prune_0.9", 90, 2104710),
    "resnet18_64_prune_0.9": ("resnet18_64_prune_0.9", 90, 2215209),
    "resnet18se_48_prune_0.9": ("resnet18se_48_prune_0.9", 90, 2161396),
    "resnet18se_64_prune_0.91": ("resnet18_64_prune_0.9", 91, 2371780),
}
"""Published model to the sensitivity table that made it (the last one's is not published: its plain sister's stands in),
the share of work cut, and the parameters that were left."""

LAST_STAGE = "backbone.blocks.6.second.conv"
"""`res5a_branch2b`, which the published models left whole."""


def our_name(published: str) -> str:
    """`res4b_branch2a_weights` -> the layer that leads the group in our ResNet18."""
    layer = published.removesuffix("_weights")
    if layer.startswith("conv1_"):
        return f"backbone.stem.{int(layer[-1]) - 1}.conv"
    block = 2 * (int(layer[3]) - 2) + "ab".index(layer[4])
    ends = {"branch2a": "first.conv", "branch2b": "second.conv", "se_1": "attention.reduce"}
    return f"backbone.blocks.{block}.{ends[layer[6:]]}"


def published_table(seed: Path, model: str) -> dict[str, list[tuple[float, float]]]:
    """Layer to (ratio, loss) pairs, from the folder of published figures."""
    table: dict[str, list[tuple[float, float]]] = {}
    with (seed / "pruning_sensitivity.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["model"] == model:
                point = (float(row["filter_ratio_pruned"]), float(row["accuracy_loss"]))
                table.setdefault(our_name(row["layer"]), []).append(point)
    return table


def published_channels(seed: Path, model: str) -> list[int]:
    """Outputs of every convolution after pruning, in order."""
    with (seed / "layers.csv").open(newline="") as file:
        rows = [r for r in csv.DictReader(file) if r["model"] == model and r["stage"] == "after pruning"]
    shapes = [json.loads(r["output_shape"]) for r in rows if r["layer"].startswith("Conv2D")]
    return [(shape[0] if isinstance(shape[0], list) else shape)[1] for shape in shapes]


def channels_in_order(recognizer: Recognizer) -> list[int]:
    """Outputs of every convolution in the order of the published log: a block's shortcut comes last."""
    blocks = [
        layer
        for block in recognizer.backbone.blocks  # type: ignore[union-attr]
        for part in (block.first, block.second, block.attention, block.shortcut)
        for layer in part.modules()
        if isinstance(layer, torch.nn.Conv2d)
    ]
    stem = [layer for layer in recognizer.backbone.stem.modules() if isinstance(layer, torch.nn.Conv2d)]  # type: ignore[union-attr]
    return [layer.out_channels for layer in (*stem, *blocks)]


def main() -> None:
    """Prints a row for each network."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("seed", type=Path, help="the folder of published figures")
    seed = arguments.parse_args().seed
    for model, (source, percent, expected) in PRUNED_ROWS.items():
        torch.manual_seed(0)
        recognizer = build_recognizer(zoo.architecture(model).with_(prune_percent=0), 3938).eval()
        before, whole = parameters(recognizer), flops(recognizer, 32, 320).backbone
        cut_away(recognizer, solved(published_table(seed, source), recognizer, percent, {LAST_STAGE}), "fpgm")
        gone = 1 - flops(recognizer, 32, 320).backbone / whole
        pairs = list(zip(channels_in_order(recognizer), published_channels(seed, model), strict=True))
        differing = [f"{ours} for {theirs}" for ours, theirs in pairs if ours != theirs]
        left = parameters(recognizer)
        print(
            f"{model}: {100 * gone:.2f} % of the work ({percent}), {before} parameters before, {left} after "
            f"({expected}, {100 * (left / expected - 1):+.2f} %), {len(differing)} of {len(pairs)} convolutions differ, "
            f"by {max(abs(a - b) for a, b in pairs)} channels at most: {', '.join(differing) or 'none'}"
        )


if __name__ == "__main__":
    main()
