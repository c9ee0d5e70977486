"""Bytes of the known models in each storage precision, with 3,939 classes: exported, not estimated.

    python -m benchmarks.precision.sizes [MODEL…]

Models that are published pruned have two rows: before the cut, and after one that takes the same share of every layer, for
which nothing has to be trained. Cuts by sensitivity or EagleEye leave other shares, and other bytes.
"""

from __future__ import annotations

import argparse

import torch

from search_space import zoo
from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from search_space.rules import PRECISIONS
from search_space.units import write_size
from trainers.export.onnx_file import finished, ready, simplified_graph
from trainers.export.size_estimate import expected_metadata, with_numbers
from trainers.pruning.mask import cut_away
from trainers.pruning.prune import solved
from trainers.pruning.torch_pruning_adapter import PruningGraph

SYMBOLS = 3938
FORMS = (*PRECISIONS, "coded_50", "coded_80")
"""Precisions that are compared."""


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("models", nargs="*", help="known models; all of them when none is named")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    smaller = [p for p in FORMS if p != "fp32"]
    worst = dict.fromkeys(smaller, 0.0)
    print("".join([f"{'model':44s}", *(f"{p:>14s}" for p in FORMS), *(f"{p + '/fp32':>18s}" for p in smaller)]))
    for name in given.models or zoo.names():
        architecture = zoo.architecture(name)
        for stage in ("before the cut", "cut") if architecture.prune_percent else ("",):
            sizes = exported_sizes(architecture, stage == "cut")
            shares = {p: sizes[p] / sizes["fp32"] for p in smaller}
            worst = {p: max(worst[p], shares[p]) for p in smaller}
            written = [f"{write_size(sizes[p]):>14s}" for p in FORMS] + [f"{shares[p]:18.3f}" for p in smaller]
            print("".join([f"{f'{name}, {stage}'.rstrip(', '):44s}", *written]), flush=True)
    print(f"largest: {', '.join(f'{p}/fp32 {share:.3f}' for p, share in worst.items())}")


def exported_sizes(architecture: Architecture, is_cut: bool) -> dict[str, int]:
    """Precision to bytes of one model, its pruning applied or left out."""
    recognizer = with_numbers(build_recognizer(architecture, SYMBOLS))
    assert isinstance(recognizer, Recognizer)
    if is_cut:
        cut_alike(recognizer, architecture.prune_percent)
    graph = simplified_graph(ready(recognizer), architecture.height_px)
    sizes = {}
    for precision in FORMS:
        copy = type(graph)()
        copy.CopyFrom(graph)
        stored = architecture.with_(precision=precision)
        sizes[precision] = len(finished(copy, expected_metadata(stored, SYMBOLS), precision))
    return sizes


def cut_alike(recognizer: Recognizer, percent: int) -> None:
    """Takes the same share of every layer, so that `percent` of the backbone's work goes."""
    all_bear_the_same = {group.name: [(0.0, 0.0), (1.0, 1.0)] for group in PruningGraph(recognizer).groups()}
    cut_away(recognizer, solved(all_bear_the_same, recognizer, percent), "l1")


if __name__ == "__main__":
    main()
