"""Many lines: seconds, memory and disk space to decode them once, to open them again, and to plan an epoch over them.

    python -m benchmarks.cache.run [--lines 20000] [--processes 2]

The lines are hard links to a few hundred photographs of text with the mix of lengths of the contest: as many files to list and
images to decode as there would be.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.training_throughput.busy import Stretch
from benchmarks.training_throughput.lines import write_lines
from trainers.base.cores import usable_cores

DIFFERENT = 300


def link_lines(folder: Path, count: int) -> None:
    """Writes a few hundred lines and links them under other names until there are `count`."""
    write_lines(folder / "few", DIFFERENT, 0, "photographs")
    many = folder / "many"
    many.mkdir()
    for number in range(count):
        for suffix in (".png", ".gt.txt"):
            os.link(folder / "few" / f"{number % DIFFERENT:05}{suffix}", many / f"{number:07}{suffix}")


def measure(folder: Path, processes: int, cache: Path) -> dict[str, Any]:
    """Prepares the lines and plans an epoch, in this process; what that took."""
    import numpy as np

    from trainers.batching.batch_planner import BatchPlanner
    from trainers.data.dataset import prepare
    from trainers.data.open_datasets import prepare_once
    from trainers.data.spec import DataSpec

    spec = DataSpec(training=str(folder))
    with Stretch() as preparing:
        prepared = prepare(spec, cache, processes=processes)
    prepare_once(spec, cache)
    with Stretch() as again:
        prepare(spec, cache)
    with Stretch() as held:
        prepare_once(spec, cache)
    started = time.perf_counter()
    planner = BatchPlanner(prepared.training.widths, 32, 64)
    batches = planner.plan(np.random.default_rng(0))
    return {
        "lines": len(prepared.training) + len(prepared.validation),
        "seconds": preparing.seconds,
        "cpu_seconds": preparing.cpu_seconds,
        "checked_again_s": again.cpu_seconds,
        "held_open_s": held.cpu_seconds,
        "planning_s": time.perf_counter() - started,
        "batches": len(batches),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000,
    }


def main() -> None:
    """Makes the lines, and measures in fresh processes: decoding, then opening."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=20000)
    parser.add_argument("--processes", type=int, default=usable_cores())
    args = parser.parse_args()
    results = {}
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        link_lines(folder, args.lines)
        for name in ("decoding", "opening"):
            with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as fresh:
                results[name] = fresh.submit(measure, folder / "many", args.processes, folder / "cache").result()
        cached = sum(file.stat().st_size for file in (folder / "cache").rglob("*") if file.is_file())
        results["cache_mb"] = cached / 1e6
    for name in ("decoding", "opening"):
        r = results[name]
        print(
            f"{name}: {r['seconds']:.1f} s, {r['cpu_seconds']:.1f} s of processor time, at most {r['peak_mb']:.0f} MB; "
            f"planning an epoch {r['planning_s']:.2f} s; "
            f"in the same process again: {r['checked_again_s']:.2f} s checking files, {r['held_open_s']:.5f} s held open"
        )
    print(json.dumps(results))


if __name__ == "__main__":
    main()
