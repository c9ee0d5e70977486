"""Trains six architectures with three seeds each; reads validation and test lines early, and after three times as many lines.

    python -m benchmarks.other_seeds.run --out OUT --fraktur DIR [--data digits codes fraktur] [--seeds 0 1 2]
    python -m benchmarks.other_seeds.report OUT

Decisions:
- The data are those of `benchmarks.anytime.lines`, and every training begins with the starter weights, as in a search.
- With the recipe `anytime` the length is no part of a training: one training gives both readings.
- If it is run again, it continues where it stopped: OUT/results has a line for every finished training.
"""

from __future__ import annotations

import argparse
import itertools
import json
import shutil
from pathlib import Path
from typing import Any

import torch

from benchmarks.anytime.lines import open_problem
from search_space import Architecture
from search_space.recognizer import Recognizer
from trainers.base.progress import EpochReport
from trainers.base.recipe import find_recipe
from trainers.data.dataset import LineDataset
from trainers.evaluation.validation import validate
from trainers.inherit.inherit import inherit
from trainers.inherit.starter import FOLDER, starter_for
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, train

DATA = ("digits", "codes", "fraktur")
EPOCH_LINES = 1000
CHOSEN_AFTER, TRAINED_ON_TO = 4, 12
"""Epochs of `EPOCH_LINES` lines: when the best architecture is chosen, and where it is when two more trainings would be."""
LARGE = Architecture(
    width_percent=50, neck="fpn_a", attention="coordinate", encoder="svtr", encoder_hidden=48, encoder_layers=2
)
SMALL = Architecture(width_percent=25, encoder="gru", encoder_hidden=48, encoder_layers=1)
ARCHITECTURES = (
    SMALL,
    SMALL.with_(neck="fpn_d", encoder_hidden=80),
    SMALL.with_(width_percent=50),
    LARGE.with_(width_percent=25),
    LARGE.with_(neck="fpn_d", attention="eca", encoder_hidden=80, encoder_layers=1),
    LARGE,
)
"""What a search would compare: from 25 % without a neck to 50 % with one."""


def rows_of(
    data: str, architecture: Architecture, seed: int, lines: LineDataset, tested: LineDataset, folder: Path
) -> list[dict[str, Any]]:
    """Trains one architecture with one seed.

    Args:
        data: name of the lines.
        architecture: to train.
        seed: of the training.
        lines: to train on and to choose by.
        tested: its validation lines are the test lines.
        folder: of the checkpoint; it is deleted at the end.

    Returns:
        One row for each of the two lengths.
    """
    recipe = find_recipe("anytime").with_(min_epoch_lines=EPOCH_LINES)
    starter = starter_for(architecture, FOLDER)
    assert starter is not None

    def begin(network: Recognizer) -> object:
        return inherit(network, lines.charset.symbols, starter)

    def report(_: EpochReport) -> bool:
        return True

    rows = list[dict[str, Any]]()
    for epochs in (CHOSEN_AFTER, TRAINED_ON_TO):
        trained = train(TrainingJob(architecture, lines, recipe, epochs, folder, seed), report, begin=begin)
        assert isinstance(trained, TrainingResult)
        row: dict[str, Any] = {"data": data, "architecture": architecture.changed(), "seed": seed, "epochs": epochs}
        for part, read in (("validation", lines), ("test", tested)):
            score = validate(trained.recognizer, read.validation, lines.charset.symbols)
            row |= {f"{part}_accuracy": round(score.accuracy, 5), f"{part}_cer": round(score.cer, 5)}
        rows.append(row)
    shutil.rmtree(folder)
    return rows


def main() -> None:
    """Trains what is missing, one seed after the other."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fraktur", type=Path, help="folder with training and testing lines, needed for --data fraktur")
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    torch.set_num_threads(1)
    opened = {name: open_problem(name, given.out, given.fraktur, None) for name in given.data}
    for seed, data, number in itertools.product(given.seeds, given.data, range(len(ARCHITECTURES))):
        file = given.out / "results" / f"{data}-{number}-{seed}.jsonl"
        if file.exists():
            continue
        folder = given.out / "trainings" / file.stem
        rows = rows_of(data, ARCHITECTURES[number], seed, *opened[data], folder)
        file.parent.mkdir(parents=True, exist_ok=True)
        partial = file.with_suffix(".partial")
        partial.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
        partial.replace(file)
        print(file.stem, [(row["validation_accuracy"], row["test_accuracy"]) for row in rows], flush=True)


if __name__ == "__main__":
    main()
