"""What a second and a third seed of a search's winner are worth, from the trainings of `benchmarks.other_seeds.run`.

    python -m benchmarks.other_seeds.report OUT

A search trains each architecture once. Every choice of one seed for each architecture is such a search (3^6 of them), and its
winner is the architecture with the highest validation accuracy, or the lowest CER where that is equal. The table has means over
all searches.
"""

from __future__ import annotations

import argparse
import itertools
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.other_seeds.run import CHOSEN_AFTER, TRAINED_ON_TO

Row = dict[str, Any]
Trainings = dict[tuple[str, int, int], Row]
"""Architecture, seed and epochs to what was read."""

CHOICES = {
    "the winner as it was chosen": "chosen",
    "trained with the other two seeds, the best of three": "best of three",
    "trained on, three times as long": "trained on",
    "a training of it, whichever seed": "average",
}


def load(folder: Path) -> dict[str, Trainings]:
    """All finished trainings, by data set."""
    found: dict[str, Trainings] = defaultdict(dict)
    for file in sorted((folder / "results").glob("*.jsonl")):
        for row in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
            found[row["data"]][json.dumps(row["architecture"]), row["seed"], row["epochs"]] = row
    return found


def merit(row: Row) -> tuple[float, float]:
    """By what a training is chosen: the higher, the better."""
    return row["validation_accuracy"], -row["validation_cer"]


def searches(trainings: Trainings) -> Iterator[dict[str, list[Row]]]:
    """For every search, the rows that each of `CHOICES` ends with; their mean counts."""
    names = sorted({name for name, _, _ in trainings})
    seeds = sorted({seed for _, seed, _ in trainings})
    for drawn in itertools.product(seeds, repeat=len(names)):
        winner, seed = max(zip(names, drawn, strict=True), key=lambda each: merit(trainings[*each, CHOSEN_AFTER]))
        again = [trainings[winner, other, CHOSEN_AFTER] for other in seeds]
        yield {
            "chosen": [trainings[winner, seed, CHOSEN_AFTER]],
            "best of three": [max(again, key=merit)],
            "trained on": [trainings[winner, seed, TRAINED_ON_TO]],
            "average": again,
        }


def table(found: dict[str, Trainings]) -> str:
    """Markdown: validation and test accuracy in percent, and test CER, after each choice."""
    lines = ["| data | the search ends with | validation | test | test CER |", "|---|---|---|---|---|"]
    for data, trainings in found.items():
        ends = list(searches(trainings))
        for title, choice in CHOICES.items():
            rows = [row for end in ends for row in end[choice]]
            read = [100 * mean(row[f"{part}_{what}"] for row in rows) for part, what in PARTS]
            lines.append(f"| {data} | {title} | " + " | ".join(f"{value:.1f} %" for value in read) + " |")
    return "\n".join(lines)


PARTS = (("validation", "accuracy"), ("test", "accuracy"), ("test", "cer"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    print(table(load(parser.parse_args().out)))


if __name__ == "__main__":
    main()
