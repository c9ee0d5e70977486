"""Runs every search 20 times on every problem, from stored learning curves: nothing is trained.

    python -m benchmarks.search_efficiency.replay             # adds to replays.jsonl
    python -m benchmarks.search_efficiency.report             # tables and plots of it

A line of replays.jsonl is one search: after each full training, epochs trained until then and the hypervolume.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
import warnings
from pathlib import Path

import optuna

from benchmarks.search_efficiency.problems import PROBLEMS
from benchmarks.search_efficiency.searches import NOT_STOPPING, SEARCHES
from benchmarks.search_efficiency.under_way import Run

FULL_TRAININGS = 24
"""Budget of a search, in epochs of so many full trainings."""
PATIENCE = 3
"""Those without early stopping get so many times the budget: how long they need to catch up shall show."""
REPLAYS = Path(__file__).with_name("replays.jsonl")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS), choices=list(PROBLEMS))
    parser.add_argument("--searches", nargs="*", default=list(SEARCHES), choices=list(SEARCHES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--full-trainings", type=int, default=FULL_TRAININGS)
    parser.add_argument("--patience", type=int, default=PATIENCE)
    parser.add_argument("--out", type=Path, default=REPLAYS)
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    with asked.out.open("a", encoding="utf-8") as out:
        for name in asked.problems:
            problem = PROBLEMS[name]()
            print(problem.name, flush=True)
            for search in asked.searches:
                started, volumes = time.perf_counter(), []
                budget = asked.full_trainings * problem.epochs * (asked.patience if search in NOT_STOPPING else 1)
                for seed in range(asked.seeds):
                    run = Run(problem, budget)
                    SEARCHES[search](run, seed)
                    history = [(spent, round(volume, 5)) for spent, volume in run.history]
                    out.write(json.dumps({"problem": name, "search": search, "seed": seed, "history": history}) + "\n")
                    volumes.append(history[-1][1] if history else 0.0)
                out.flush()
                seconds = time.perf_counter() - started
                print(f"  {search:26} {sum(volumes) / len(volumes):.4f}  {seconds:5.1f} s", flush=True)


if __name__ == "__main__":
    main()
