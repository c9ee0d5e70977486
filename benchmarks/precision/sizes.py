"""Bytes of the known models, unpruned, in each storage precision, with 3,939 classes: exported, not estimated.

python -m benchmarks.precision.sizes [MODEL…]

"""

from __future__ import annotations

import argparse

import torch

from search_space import known
from search_space.architecture import PRECISIONS
from search_space.recognizer import build_recognizer
from search_space.sizes import write_size
from trainers.export.estimate import expected_facts, with_numbers
from trainers.export.onnx_file import finished, ready, simplified_graph

SYMBOLS = 3938


def main() -> None:
    """Prints the table."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("models", nargs="*", help="known models; all of them when none is named")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    worst = 0.0
    print(f"{'model (before pruning)':34s} {'fp32':>8s} {'fp16':>8s} {'int8':>8s}  fp16/fp32 int8/fp32")
    for name in given.models or known.names():
        sizes = exported_sizes(name)
        shares = [sizes[p] / sizes["fp32"] for p in ("fp16", "int8")]
        worst = max(worst, shares[1])
        written = " ".join(f"{write_size(sizes[p]):>8s}" for p in PRECISIONS)
        print(f"{name:34s} {written}  {shares[0]:9.3f} {shares[1]:9.3f}", flush=True)
    print(f"largest int8/fp32: {worst:.3f}")


def exported_sizes(name: str) -> dict[str, int]:
    """Precision to bytes of one known model, unpruned."""
    architecture = known.architecture(name).with_(prune_percent=0)
    graph = simplified_graph(ready(with_numbers(build_recognizer(architecture, SYMBOLS))), architecture.height_px)
    sizes = {}
    for precision in PRECISIONS:
        copy = type(graph)()
        copy.CopyFrom(graph)
        stored = architecture.with_(precision=precision)
        sizes[precision] = len(finished(copy, expected_facts(stored, SYMBOLS), precision))
    return sizes


if __name__ == "__main__":
    main()
