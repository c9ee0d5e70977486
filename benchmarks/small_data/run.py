"""Few lines: epochs and minutes until a recogniser reads, with our recipe and with the seed's.

    python -m benchmarks.small_data.run --data codes --epochs 60
    python -m benchmarks.small_data.run --data fraktur --lines-folder FOLDER --epochs 24
    python -m benchmarks.small_data.run --summary

800 training and 200 validation lines: photographs of codes that are drawn here, or the first lines of a folder of pairs.
The same command continues a stopped training; OUT/histories has every epoch. Minutes are processor time.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import torch

from benchmarks.small_data.codes import write_codes
from benchmarks.small_data.histories import History, load, load_all, plot, table
from search_space import Architecture
from trainers.base.progress import EpochReport
from trainers.base.recipe import find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.training.job import TrainingJob
from trainers.training.loop import train

TRAINING_LINES, VALIDATION_LINES = 800, 200


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
    return DataSpec(training=str(folder / "training"), validation=str(folder / "validation"))


def run(history: History, out: Path, data: DataSpec) -> None:
    """One training, or the rest of one."""
    prepared = prepare(data, out / "cache")
    kept = out / "histories" / f"{history.name}.json"
    held = load(kept) if kept.exists() else history
    started = time.process_time()

    def report(epoch: EpochReport) -> bool:
        nonlocal held, started
        now = time.process_time()
        held, started = held.after(epoch, now - started), now
        held.save(out / "histories")
        print(
            f"{held.name}: epoch {epoch.epoch} loss {epoch.loss:.2f} accuracy {epoch.accuracy:.3f} CER {epoch.cer:.3f} "
            f"{held.cpu_seconds[-1]:.1f} s of processor time",
            flush=True,
        )
        return True

    architecture = Architecture(width_percent=history.width_percent)
    folder = out / "trainings" / history.name
    train(TrainingJob(architecture, prepared, find_recipe(history.recipe), history.epochs, folder, history.seed), report)


def main() -> None:
    """Runs what is asked for and keeps the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", choices=("codes", "fraktur"), default="codes")
    parser.add_argument("--lines-folder", type=Path)
    parser.add_argument("--recipes", nargs="+", default=["paretext", "seed"])
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--width", type=int, default=25, help="width_percent of the model")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path("runs/small_data"))
    parser.add_argument("--summary", action="store_true", help="only print the table and draw OUT/curves.png")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if not args.summary:
        data = lines_of(args.data, args.out, args.lines_folder)
        for seed in args.seeds:
            for recipe in args.recipes:
                run(History(args.data, recipe, seed, args.width, args.epochs), args.out, data)
    histories = load_all(args.out / "histories")
    print(table(histories))
    plot(histories, args.out / "curves.png")


if __name__ == "__main__":
    main()
