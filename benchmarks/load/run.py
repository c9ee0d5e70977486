"""Load: many lines, many rows, many trials, many predictions. Each subcommand prints one line of JSON.

    python -m benchmarks.load.run lines --count 100000        # write, check, decode into the cache, train one epoch
    python -m benchmarks.load.run rows --count 1000000        # label rows in PaddleOCR's form that name a hundred images
    python -m benchmarks.load.run trials --count 1000         # trainings that end at once: what the driver takes
    python -m benchmarks.load.run predictions --minutes 10    # 50 a second against `paretext serve`

Every measurement runs in a process of its own; memory is the most that the process, or one of its children, had (VmHWM).
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.load import lines, predictions, trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, default in (("lines", 100_000), ("rows", 1_000_000), ("trials", 1_000)):
        verbs.add_parser(verb).add_argument("--count", type=int, default=default)
    served = verbs.add_parser("predictions")
    served.add_argument("--minutes", type=float, default=10.0)
    served.add_argument("--rate", type=float, default=50.0)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="paretext-load-") as made:
        folder = Path(made)
        if arguments.verb == "predictions":
            steps: dict[str, tuple[Any, ...]] = {
                "served": (predictions.serve_and_ask, folder, arguments.rate, 60 * arguments.minutes)
            }
        elif arguments.verb == "trials":
            steps = {"search": (trials.search_many, folder, arguments.count)}
        elif arguments.verb == "rows":
            steps = {"written": (lines.write_rows, folder, arguments.count), "check": (lines.check, folder / "rows")}
        else:
            steps = {
                "written": (lines.write_lines, folder, arguments.count),
                "check": (lines.check, folder / "lines"),
                "cache": (lines.fill_cache, folder / "lines", folder / "cache"),
                "epoch": (lines.train_epoch, folder / "lines", folder / "cache", folder / "trial"),
            }
        for name, (work, *words) in steps.items():
            print(json.dumps({"verb": arguments.verb, "step": name, **_in_a_process(work, *words)}), flush=True)


def _in_a_process(work: Callable[..., dict[str, Any]], *words: Any) -> dict[str, Any]:
    """What a piece of work returns, with its seconds and its memory, from a fresh process."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
        return process.submit(_measured, work, words).result()


def _measured(work: Callable[..., dict[str, Any]], words: tuple[Any, ...]) -> dict[str, Any]:
    from benchmarks.load.memory import most_of_children_mb, most_of_this_mb

    wall, cpu = time.perf_counter(), time.process_time()
    result = work(*words)
    return {
        "seconds": round(time.perf_counter() - wall, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
        "most_mb": most_of_this_mb(),
        "most_of_a_child_mb": most_of_children_mb(),
        **result,
    }


if __name__ == "__main__":
    main()
