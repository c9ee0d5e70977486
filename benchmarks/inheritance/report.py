"""Tables of what `benchmarks.inheritance.run` has measured.

python -m benchmarks.inheritance.report OUT [--at 0 1 2 3 5 10 20 40]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import mean
from typing import Any

AT = (0, 1, 2, 3, 5, 10, 20, 40)
"""Epochs whose error rates are shown; 0 is before the first."""

Row = dict[str, Any]


def load(folder: Path) -> list[Row]:
    """All trainings, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def epochs_to(row: Row, cer: float) -> int | None:
    """The first epoch after which a training reads with at most this CER; None if it has not yet."""
    return next((epoch for epoch, found in enumerate(row["cer"]) if found <= cer), None)


def table(rows: Iterable[Row], at: Sequence[int] = AT) -> str:
    """Markdown: for each data set and case, one line for each beginning, means over the seeds that all beginnings have."""
    groups: defaultdict[tuple[str, str], defaultdict[int, dict[str, Row]]] = defaultdict(lambda: defaultdict(dict))
    for row in rows:
        groups[row["data"], row["case"]][row["seed"]][row["beginning"]] = row
    longest = max(
        (len(row["cer"]) - 1 for group in groups.values() for seed in group.values() for row in seed.values()), default=0
    )
    shown = [epoch for epoch in at if epoch <= longest]
    head = [
        "data",
        "case",
        "beginning",
        "seeds",
        "inherited",
        *(f"CER, epoch {epoch}" for epoch in shown),
        "right lines at the end",
        "epochs to random's end",
    ]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for (data, case), by_seed in groups.items():
        for beginning in dict.fromkeys(name for seed in by_seed.values() for name in seed):
            both = [(seed.get("random"), seed[beginning]) for seed in by_seed.values() if beginning in seed]
            cells = [data, case, beginning, str(len(both)), f"{100 * mean(row['share'] for _, row in both):.0f} %"]
            cells += [_mean([row["cer"][epoch] for _, row in both if len(row["cer"]) > epoch]) for epoch in shown]
            lines.append(f"| {' | '.join([*cells, _right(both, longest), _speed(both)])} |")
    return "\n".join(lines)


def _right(pairs: list[tuple[Row | None, Row]], last: int) -> str:
    """Mean fraction of right lines after the last epoch; empty until all seeds are there."""
    found = [row["accuracy"][last] for _, row in pairs if len(row["accuracy"]) > last]
    return f"{100 * mean(found):.1f} %" if len(found) == len(pairs) else ""


def _mean(values: list[float]) -> str:
    return f"{mean(values):.3f}" if values else ""


def _speed(pairs: list[tuple[Row | None, Row]]) -> str:
    """Mean epochs to the CER that a random beginning ends with, of the epochs that it had; says how many are not there."""
    found = [(epochs_to(row, random["cer"][-1]), len(random["cer"]) - 1) for random, row in pairs if random is not None]
    reached = [epochs for epochs, _ in found if epochs is not None]
    if not reached:
        return ""
    missing = f", {len(found) - len(reached)} not yet" if len(reached) < len(found) else ""
    return f"{mean(reached):.1f} of {mean(length for _, length in found):.0f}{missing}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--at", nargs="+", type=int, default=list(AT))
    given = parser.parse_args()
    print(table(load(given.out / "results"), given.at))


if __name__ == "__main__":
    main()
