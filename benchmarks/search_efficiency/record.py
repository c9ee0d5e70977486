"""Records the learning curve of every architecture of a grid, and the exact bytes of its files: the tables of the replays.

    python -m benchmarks.search_efficiency.record                 # digits; the same command resumes a stopped recording
    python -m benchmarks.search_efficiency.record --table codes   # the second table
    python -m benchmarks.search_efficiency.record --part 1/2      # one of two processes that share the work

Decisions:
- A grid is trained as a whole: whatever a sampler proposes in a replay has been trained.
- One training gives three rows: after the last epoch its weights are stored in fp32, fp16 and int8, and each file is measured.
- `digits`: the built-in lines of digits, of which only the first 720 train, by the recipe `paretext` (the default when it was
  recorded).
- `codes`: 450 drawn photographs of codes by the recipe `anytime`, each shown twice an epoch. Its grid has other fields, with
  necks among them.
- Both are hard enough for architectures to differ, and small enough for one core to train the whole grid in two to three hours.
- A line of JSON is appended when a training ends.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.small_data.codes import write_codes
from search_space import Architecture
from search_space.space import SearchSpace
from trainers.base.progress import EpochReport
from trainers.base.recipe import Recipe, find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.training.job import TrainingJob
from trainers.training.loop import train
from trainers.trial.model_files import ModelFiles

EPOCHS = 9
STORED = ("fp32", "fp16", "int8")


@dataclass(frozen=True)
class Table:
    """What a table records.

    Attributes:
        file: where its lines are.
        space: every architecture of it is trained.
        recipe: how.
        lines: makes the data, in a folder if they have to be written.
    """

    file: Path
    space: SearchSpace
    recipe: Recipe
    lines: Callable[[Path], DataSpec]

    def architectures(self) -> Iterator[Architecture]:
        """Every architecture of the space, in an order drawn once: any first part of it is a random sample."""
        places = [[]]
        for field in self.space.open_fields:
            places = [[*place, choice] for place in places for choice in self.space.choices[field]]
        random.Random(0).shuffle(places)
        for place in places:
            values = dict(zip(self.space.open_fields, place, strict=True))
            yield self.space.sample(lambda field, _, values=values: values[field])


def _codes(folder: Path) -> DataSpec:
    """450 lines to train on and 500 to validate on, written once."""
    training, validation = folder / "codes" / "training", folder / "codes" / "validation"
    if not (folder / "codes" / "complete").exists():
        write_codes(training, 450, 0)
        write_codes(validation, 500, 1_000_000)
        (folder / "codes" / "complete").touch()
    return DataSpec(training=str(training), validation=str(validation))


TABLES = {
    "digits": Table(
        Path(__file__).with_name("curves.jsonl"),
        SearchSpace(
            {
                "width_percent": (25, 40, 60),
                "attention": ("squeeze_excite", "none"),
                "encoder": ("gru", "svtr"),
                "encoder_hidden": (16, 48),
                "encoder_layers": (1, 2),
                "time_stride": (4, 8),
            }
        ),
        find_recipe("paretext").with_(validation_lines=120),
        lambda _: DataSpec(training="digits", training_lines=720),
    ),
    "codes": Table(
        Path(__file__).with_name("codes_curves.jsonl"),
        SearchSpace(
            {
                "width_percent": (25, 50),
                "neck": ("none", "fpn_a", "fpn_d"),
                "attention": ("squeeze_excite", "coordinate"),
                "encoder": ("gru", "svtr"),
                "encoder_hidden": (32, 80),
                "encoder_layers": (1, 2),
            }
        ),
        find_recipe("anytime").with_(validation_lines=200, min_epoch_lines=900),
        _codes,
    ),
}


def record(architecture: Architecture, table: Table, cache: Path) -> dict[str, Any]:
    """Trains one architecture; its line of the table."""
    prepared = prepare(table.lines(cache), cache)
    started = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="recording-"))

    def report(_: EpochReport) -> bool:
        return True

    try:
        trained = train(TrainingJob(architecture, prepared, table.recipe, EPOCHS, folder, 0), report)
        made = ModelFiles(trained, architecture, prepared, "none", threads=1)
        files = {precision: _measured(made, precision, folder) for precision in STORED}
    finally:
        shutil.rmtree(folder)
    return {
        "architecture": architecture.changed(),
        "cer": [round(epoch.cer, 5) for epoch in trained.history],
        "accuracy": [round(epoch.accuracy, 4) for epoch in trained.history],
        "files": files,
        "seconds": round(time.perf_counter() - started, 1),
    }


def _measured(files: ModelFiles, precision: str, folder: Path) -> dict[str, Any]:
    """What one file is worth."""
    found = files.candidate(precision, folder / f"{precision}.onnx").measurement
    return {"bytes": found.size_bytes, "cer": round(found.cer, 5), "accuracy": round(found.accuracy, 4)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--table", choices=list(TABLES), default="digits")
    parser.add_argument("--out", type=Path, help="another file for its lines")
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no training after so long")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="train only every N-th architecture, from the I-th on")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    part, parts = map(int, asked.part.split("/"))
    table = TABLES[asked.table]
    out = asked.out or table.file
    for number, architecture in list(enumerate(table.architectures()))[part - 1 :: parts]:
        lines = out.read_text(encoding="utf-8").splitlines() if out.exists() else []
        if any(json.loads(line)["architecture"] == architecture.changed() for line in lines):
            continue
        if time.perf_counter() - started > asked.seconds:
            break
        row = record(architecture, table, asked.cache)
        with out.open("a", encoding="utf-8") as written:
            written.write(json.dumps(row) + "\n")
        print(number, architecture.describe(), row["seconds"], "s", row["cer"], row["files"], flush=True)


if __name__ == "__main__":
    main()
