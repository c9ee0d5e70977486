"""The table and the figure of what `benchmarks.pruning.run` has measured.

python -m benchmarks.pruning.report OUT [--figure sensitivity.png]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from statistics import mean

from dashboards.views.sensitivity_picture import draw
from search_space.rules import PRUNE_CRITERIA
from trainers.pruning.sensitivity import read_table

STAGES = ("after_cut", "after_recalibration", "after_fine_tuning")


def main() -> None:
    """Prints the tables, draws the figure of FPGM."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--figure", type=Path, help="where to draw the sensitivity of each layer")
    given = arguments.parse_args()
    measured = {
        criterion: json.loads((given.out / f"{criterion}.json").read_text(encoding="utf-8"))
        for criterion in PRUNE_CRITERIA
        if (given.out / f"{criterion}.json").exists()
    }
    print("| criterion | target | work removed | before | after the cut | recalibrated | fine-tuned |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for criterion, rows in measured.items():
        for percent in (name for name in rows if name.isdecimal()):
            row = rows[percent]
            cells = [f"{100 * row[stage]:.1f} %" if stage in row else "" for stage in ("work_removed", *STAGES)]
            print(f"| `{criterion}` | {percent} % | {cells[0]} | {100 * rows['before']:.1f} % | {' | '.join(cells[1:])} |")
    drawn = {name: row for name, row in measured.get("eagleeye", {}).items() if name.isdecimal() and "candidates" in row}
    if drawn:
        print("\n| target | best, in the lines it was chosen by / the others | mean of all | all: chosen by / others, % |")
        print("|---|---:|---:|---|")
    for percent, row in drawn.items():
        print(candidates(percent, row["candidates"]))
    if given.figure is not None:
        draw(read_table(given.out / "sensitivity-fpgm.csv"), given.figure)


def candidates(percent: str, pairs: list[list[float]]) -> str:
    """What EagleEye chose from: in the lines it chose by, and in the others."""
    chosen_by, others = ([100 * pair[side] for pair in pairs] for side in (0, 1))
    listed = ", ".join(f"{a:.1f}/{b:.1f}" for a, b in zip(chosen_by, others, strict=True))
    best, average = (f"{a:.1f} / {b:.1f} %" for a, b in ((chosen_by[0], others[0]), (mean(chosen_by), mean(others))))
    return f"| {percent} % | {best} | {average} | {listed} |"


if __name__ == "__main__":
    main()
