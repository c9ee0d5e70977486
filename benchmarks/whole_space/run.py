"""Architectures drawn at random from everything there is: what is built, what is refused and why, and how the files turn out.

    python -m benchmarks.whole_space.run [--draws 300] [--exported 50] [--seed 0]

The same checks as in `tests/search_space/test_property.py`, with their figures. Every draw, pruning and storage precision
among its fields, is built, run forward at a small width, and backward to every weight, or refused. Draws of a second series,
without pruning, which changes a network only once it is trained, are exported.
"""

from __future__ import annotations

import argparse
import re
import tempfile
import time
import warnings
from collections import Counter
from itertools import islice
from pathlib import Path

import torch

from search_space import RefusedArchitecture
from testing.full_space import drawn, draws
from testing.space_checks import PRUNED, SPACE, assert_reasoned, export_errors, train_one_step

NEXT_REASON = r"; (?=auxiliary |time_stride |prune_percent |timm/)"


def main() -> None:
    """Prints counts, then the worst of the exported."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--draws", type=int, default=300, help="architectures that are built or refused (300)")
    arguments.add_argument("--exported", type=int, default=50, help="architectures that are exported (50)")
    arguments.add_argument("--seed", type=int, default=0, help="other architectures (0)")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    start = time.process_time()
    build(given.draws, given.seed)
    print(f"CPU time {time.process_time() - start:.0f} s", flush=True)
    if given.exported:
        start = time.process_time()
        export_some(given.exported, given.seed)
        print(f"CPU time {time.process_time() - start:.0f} s")


def build(count: int, seed: int) -> None:
    """Counts what is built, what is refused, and how often each rule is why."""
    torch.manual_seed(0)
    refused = []
    for one in islice(draws(PRUNED, seed), count):
        if isinstance(one, RefusedArchitecture):
            assert_reasoned(one)
            refused.append(str(one))
        else:
            train_one_step(one)
    print(f"{count} draws: {count - len(refused)} built and trained one step, {len(refused)} refused")
    reasons = Counter(without_values(reason) for text in refused for reason in re.split(NEXT_REASON, text))
    for reason, times in reasons.most_common():
        print(f"  {times:3d}  {reason}")


def without_values(reason: str) -> str:
    """A reason as its rule has it, for every model and number the same."""
    return re.sub(r"\b(not|prune_percent) \d+", r"\1 N", re.sub(r"timm/\w+", "timm/<name>", reason))


def export_some(count: int, seed: int) -> None:
    """Prints the errors of exported files, the largest first."""
    rows = []
    for architecture in drawn(SPACE, seed, count):
        torch.manual_seed(0)
        with tempfile.TemporaryDirectory() as folder:
            rows.append((export_errors(architecture, Path(folder)), architecture.describe()))
    size, logits = max(t.size for t, _ in rows), max(t.logits for t, _ in rows)
    print(f"{count} exported: size estimate off by {100 * size:.3f} % at most, logits by {logits:.1e} at most")
    for found, name in sorted(rows, key=lambda row: -row[0].logits)[:5]:
        print(f"  logits {found.logits:.1e}, size {100 * found.size:.3f} %  {name}")


if __name__ == "__main__":
    main()
