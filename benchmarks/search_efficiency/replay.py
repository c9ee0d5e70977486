"""Runs every search 20 times on every problem, from stored learning curves: nothing is trained.

    python -m benchmarks.search_efficiency.replay             # adds what is missing to replays.jsonl
    python -m benchmarks.search_efficiency.replay --check     # compares with replays.jsonl, writes nothing
    python -m benchmarks.search_efficiency.report             # tables and plots of it

A line of replays.jsonl is one search: after each full training, epochs trained until then and the hypervolume.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Set
from functools import partial
from pathlib import Path

import optuna

from benchmarks.search_efficiency.learning_curves import FOLDER, TASKS, lcbench
from benchmarks.search_efficiency.problems import PROBLEMS, Problem
from benchmarks.search_efficiency.searches import NOT_STOPPING, SEARCHES
from benchmarks.search_efficiency.under_way import Run

FULL_TRAININGS = 24
"""Budget of a search, in epochs of so many full trainings."""
PATIENCE = 3
"""Those without early stopping get so many times the budget: how long they need to catch up shall show."""
REPLAYS = Path(__file__).with_name("replays.jsonl")


History = list[list[float]]
Key = tuple[str, str, int]
"""Problem, search and seed."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--problems", nargs="*", default=list(PROBLEMS), choices=list(problems()))
    parser.add_argument("--searches", nargs="*", default=list(SEARCHES), choices=list(SEARCHES))
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--full-trainings", type=int, default=FULL_TRAININGS)
    parser.add_argument("--patience", type=int, default=PATIENCE)
    parser.add_argument("--out", type=Path, default=REPLAYS, help="file that is added to, or compared with")
    parser.add_argument("--check", action="store_true", help="compare with --out; exit 1 if any history differs")
    asked = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    logging.disable(logging.WARNING)
    warnings.simplefilter("ignore")
    if asked.check:
        sys.exit(check(asked.out, replay(asked)))
    stored = set(stored_histories(asked.out)) if asked.out.exists() else set[Key]()
    with asked.out.open("a", encoding="utf-8") as out:
        for (problem, search, seed), history in replay(asked, stored):
            out.write(json.dumps({"problem": problem, "search": search, "seed": seed, "history": history}) + "\n")
            out.flush()


def problems() -> dict[str, Callable[[], Problem]]:
    """Every problem that can be searched here; those of LCBench only where its folder is named."""
    found = dict(PROBLEMS)
    if FOLDER in os.environ:
        found |= {f"lcbench_{task}": partial(lcbench, task) for task in TASKS}
    return found


def stored_histories(file: Path) -> dict[Key, History]:
    """What is stored in a file.

    Raises:
        ValueError: a search is stored twice with one seed, which would count twice in a mean.
    """
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    found = {(row["problem"], row["search"], row["seed"]): row["history"] for row in rows}
    if len(found) < len(rows):
        raise ValueError(f"{file} holds {len(rows) - len(found)} searches twice")
    return found


def replay(asked: argparse.Namespace, stored: Set[Key] = frozenset()) -> Iterator[tuple[Key, History]]:
    """Runs the searches asked for that are not stored, seed by seed, and prints the mean hypervolume of each search."""
    for name in asked.problems:
        problem = problems()[name]()
        print(problem.name, flush=True)
        for search in asked.searches:
            started, volumes = time.perf_counter(), []
            budget = asked.full_trainings * problem.epochs * (asked.patience if search in NOT_STOPPING else 1)
            for seed in (seed for seed in range(asked.seeds) if (name, search, seed) not in stored):
                run = Run(problem, budget)
                SEARCHES[search](run, seed)
                history: History = [[spent, round(volume, 5)] for spent, volume in run.history]
                volumes.append(history[-1][1] if history else 0.0)
                yield (name, search, seed), history
            seconds = time.perf_counter() - started
            if volumes:
                mean = sum(volumes) / len(volumes)
                print(f"  {search:26} {mean:.4f}, mean of {len(volumes)} new seeds  {seconds:5.1f} s", flush=True)


def check(stored_in: Path, replays: Iterator[tuple[Key, History]]) -> int:
    """Compares replays with the stored ones and prints which differ or are not stored.

    Full trainings that leave the hypervolume as it was do not count: the oldest stored histories leave them out.

    Returns:
        0 if all are identical, else 1.
    """
    stored = {key: _rises(history) for key, history in stored_histories(stored_in).items()}
    compared = [(key, key in stored, stored.get(key) == _rises(history)) for key, history in replays]
    different = [(key, known) for key, known, same in compared if not same]
    for (problem, search, seed), known in different:
        print(f"{'differs' if known else 'not stored'}: {problem}, {search}, seed {seed}")
    print(f"{len(compared) - len(different)} of {len(compared)} replays are identical")
    return 1 if different else 0


def _rises(history: History) -> History:
    """The points of a history at which the hypervolume rises."""
    return [point for i, point in enumerate(history) if i == 0 or point[1] != history[i - 1][1]]


if __name__ == "__main__":
    main()
