"""How long an estimate takes, and how far it is from the file.

    python -m benchmarks.size_estimate.run [--candidates 200] [--exported 20] [--seed 1]

Candidates are drawn from the full space, components of timm included; every one is new to the process. Milliseconds are of
one core's work, so that a busy machine does not matter.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from itertools import islice
from pathlib import Path

import torch

from search_space.architecture import Architecture
from search_space.coded_precision import is_coded
from search_space.recognizer import build_recognizer
from testing.full_space import SYMBOL_COUNTS, drawn, full_space
from trainers.export.node_costs import known_costs
from trainers.export.onnx_file import export
from trainers.export.size_estimate import estimate_bytes, expected_metadata, with_numbers


def main() -> None:
    """Prints milliseconds per candidate and the largest error."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--candidates", type=int, default=200, help="estimates that are timed (200)")
    arguments.add_argument("--exported", type=int, default=20, help="of these, how many are exported and compared (20)")
    arguments.add_argument("--seed", type=int, default=1, help="other candidates (1)")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    architectures = list(islice(drawn(full_space(), given.seed), given.candidates))
    symbols = [SYMBOL_COUNTS[i % len(SYMBOL_COUNTS)] for i in range(given.candidates)]
    known_costs()
    times, estimates = [], []
    for architecture, count in zip(architectures, symbols, strict=True):
        start = time.process_time()
        estimates.append(estimate_bytes(architecture, count))
        times.append(1000 * (time.process_time() - start))
    in_order = sorted(times)
    print(
        f"{given.candidates} candidates: median {statistics.median(times):.0f} ms, "
        f"90 % within {in_order[int(0.9 * len(in_order))]:.0f} ms, longest {in_order[-1]:.0f} ms"
    )
    errors: dict[bool, list[float]] = {False: [], True: []}
    for architecture, count, estimate in list(zip(architectures, symbols, estimates, strict=True))[: given.exported]:
        size_bytes = exported_bytes(architecture, count)
        error = abs(estimate / size_bytes - 1)
        errors[is_coded(architecture.precision)].append(error)
        print(f"  {architecture.describe():78s} {count:5d} symbols {size_bytes:10d} bytes, off by {100 * error:.3f} %")
    for coded, found in errors.items():
        if found:
            kind = "coded" if coded else "in fp32, fp16, int8 or int4"
            print(f"{len(found)} {kind}: mean error {100 * statistics.mean(found):.3f} %, largest {100 * max(found):.3f} %")


def exported_bytes(architecture: Architecture, symbols: int) -> int:
    """Bytes of the file of a network as training would leave it."""
    recognizer = with_numbers(build_recognizer(architecture, symbols))
    with tempfile.TemporaryDirectory() as folder:
        metadata = expected_metadata(architecture, symbols)
        return export(recognizer, Path(folder) / "model.onnx", metadata, architecture.precision).stat().st_size


if __name__ == "__main__":
    main()
