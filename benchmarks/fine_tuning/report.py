"""Tables of what `benchmarks.fine_tuning.run` has measured.

python -m benchmarks.fine_tuning.report OUT
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

Row = dict[str, Any]


def load(folder: Path) -> list[Row]:
    """All trainings, in the order of their names."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]


def table(rows: Iterable[Row]) -> str:
    """Markdown: for each case and way, the share of new and of old test lines that are right after some epochs."""
    groups: defaultdict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in rows:
        groups[row["case"], row["way"]].append(row)
    epochs = sorted({int(epoch) for group in groups.values() for row in group for epoch in row["at"] if int(epoch)})
    head = ["case", "way", "seeds", *(f"new, {epoch}" for epoch in epochs), *(f"old, {epoch}" for epoch in epochs)]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for (case, way), group in groups.items():
        cells = [case, way, str(len(group))]
        cells += [_right(group, epoch, part) for part in ("new", "old") for epoch in epochs]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _right(rows: list[Row], epoch: int, part: str) -> str:
    """Mean percentage of right lines and their CER; empty where a training has not got so far."""
    found = [row["at"][str(epoch)][part] for row in rows if str(epoch) in row["at"]]
    if len(found) < len(rows):
        return ""
    return f"{100 * mean(each[0] for each in found):.1f} % ({mean(each[1] for each in found):.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    print(table(load(parser.parse_args().out / "results")))


if __name__ == "__main__":
    main()
