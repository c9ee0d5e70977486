"""Prunes the unpruned parents of the four published pruned networks by the published sensitivity tables.

    python -m benchmarks.pruning.published SEED

SEED is the folder with `pruning_sensitivity.csv` and `layers.csv`. Nothing is trained: the number of
channels that each convolution keeps is compared.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from search_space import zoo
from search_space.counting import flops, parameters
from search_space.recognizer import build_recognizer
from testing.published_pruning import LAST_STAGE, PRUNED_ROWS, channels_in_order, published_channels, published_table
from trainers.pruning.mask import cut_away
from trainers.pruning.prune import solved


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
