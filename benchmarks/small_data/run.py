"""Few lines: epochs and minutes until a recogniser reads, with our recipe and with the seed's.

    python -m benchmarks.small_data.run --data codes --epochs 60
    python -m benchmarks.small_data.run --data fraktur --lines-folder FOLDER --epochs 60
    python -m benchmarks.small_data.run --summary

800 training and 200 validation lines: photographs of codes that are drawn here, or the first lines of a folder of pairs.
Each training is resumed where it was stopped; every epoch is kept in OUT/results.json.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.small_data.codes import write_codes
from search_space import Architecture
from trainers.data.prepared import DataSpec, prepare
from trainers.progress import EpochReport
from trainers.recipe import find_recipe
from trainers.training import train

TRAINING_LINES, VALIDATION_LINES = 800, 200
GOALS = {"accuracy": 0.9, "character accuracy": 0.9}


def lines_of(name: str, out: Path, source: Path | None) -> DataSpec:
    """Makes the two folders of a data set, once."""
    folder = out / name
    if not folder.exists() and name == "codes":
        write_codes(folder / "training", TRAINING_LINES, 0)
        write_codes(folder / "validation", VALIDATION_LINES, 1_000_000)
    elif not folder.exists():
        if source is None:
            raise SystemExit(f"--data {name} needs --lines-folder: the folder its first lines are taken from")
        labels = sorted(source.glob("*.gt.txt"))[: TRAINING_LINES + VALIDATION_LINES]
        for number, label in enumerate(labels):
            part = folder / ("training" if number < TRAINING_LINES else "validation")
            part.mkdir(parents=True, exist_ok=True)
            for file in sorted(source.glob(f"{label.name.removesuffix('.gt.txt')}.*")):
                (part / file.name).symlink_to(file.resolve())
    return DataSpec(str(folder / "training"), str(folder / "validation"))


def run(name: str, recipe: str, seed: int, epochs: int, out: Path, data: DataSpec, width: int) -> list[EpochReport]:
    """One training; reports of all its epochs."""
    prepared = prepare(data, out / "cache")
    folder = out / f"{name}-{recipe}-{seed}-{width}-{epochs}"
    reports: list[EpochReport] = []

    def report(epoch: EpochReport) -> bool:
        reports.append(epoch)
        print(
            f"{name} {recipe} seed {seed}: epoch {epoch.epoch} loss {epoch.loss:.2f} accuracy {epoch.accuracy:.3f} "
            f"CER {epoch.cer:.3f} {epoch.seconds:.0f} s",
            flush=True,
        )
        return True

    outcome = train(Architecture(width_percent=width), prepared, find_recipe(recipe), epochs, folder, seed, report)
    return list(outcome.history)


def reached(history: Sequence[EpochReport], goal: str) -> tuple[int, float] | None:
    """Epochs and minutes until a goal was first reached, or None."""
    minutes = 0.0
    for report in history:
        minutes += report.seconds / 60
        if (report.accuracy if goal == "accuracy" else 1 - report.cer) >= GOALS[goal]:
            return report.epoch, minutes
    return None


def summary(results: dict[str, Any]) -> str:
    """A Markdown table of all trainings so far."""
    rows = [
        "| data | recipe | seed | exact >= 0.9 | characters >= 0.9 | exact at the end | CER at the end | epochs | minutes |"
    ]
    rows.append("|---|---|---|---|---|---|---|---|---|")
    for result in results.values():
        history = [EpochReport(**report) for report in result["history"]]
        when = [_when(reached(history, goal)) for goal in GOALS]
        last, minutes = history[-1], sum(report.seconds for report in history) / 60
        rows.append(
            f"| {result['data']} | {result['recipe']} | {result['seed']} | {when[0]} | {when[1]} | {last.accuracy:.3f} "
            f"| {last.cer:.4f} | {len(history)} | {minutes:.1f} |"
        )
    return "\n".join(rows)


def _when(found: tuple[int, float] | None) -> str:
    return "-" if found is None else f"epoch {found[0]}, {found[1]:.1f} min"


def main() -> None:
    """Runs what is asked for and keeps the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("codes", "fraktur"), default="codes")
    parser.add_argument("--lines-folder", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["paretext", "seed"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--width", type=int, default=50, help="width_percent of the model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/small_data"))
    parser.add_argument("--summary", action="store_true", help="only print the table of what has been run")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    args.out.mkdir(parents=True, exist_ok=True)
    file = args.out / "results.json"
    results = json.loads(file.read_text()) if file.exists() else {}
    if not args.summary:
        data = lines_of(args.data, args.out, args.lines_folder)
        for seed in args.seeds:
            for recipe in args.recipes:
                history = run(args.data, recipe, seed, args.epochs, args.out, data, args.width)
                held = {"data": args.data, "recipe": recipe, "seed": seed, "width_percent": args.width}
                results = json.loads(file.read_text()) if file.exists() else {}  # another process may have added to it
                results[f"{args.data} {recipe} {seed} {args.width} {args.epochs}"] = {
                    **held,
                    "history": [report.as_dict() for report in history],
                }
                file.write_text(json.dumps(results, indent=1))
    print(summary(results))


if __name__ == "__main__":
    main()
