"""Records how well every architecture of a grid reads after each epoch, and the exact bytes of its file: the replay's table.

    python -m benchmarks.search_efficiency.record             # called again, it goes on where it was
    python -m benchmarks.search_efficiency.record --part 1/2  # one of two processes that share the work

Decisions:
- A whole grid, no sample of one: whatever a sampler proposes in the replay has been trained.
- One training gives three rows: after the last epoch its weights are stored in fp32, fp16 and int8, and each file is measured.
- Real trainings by the default recipe on the built-in lines of digits, of which only the first 720 train: hard
  enough for architectures to differ, and few enough to make the whole table on one core within two hours.
- A line of JSON is appended when a training is through, so a stopped recording goes on where it was.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from search_space import Architecture
from search_space.space import SearchSpace
from trainers.base.progress import EpochReport
from trainers.base.recipe import find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.training.job import TrainingJob
from trainers.training.loop import train
from trainers.trial.model_files import ModelFiles

TABLE = Path(__file__).with_name("curves.jsonl")
EPOCHS = 9
TRAINING_LINES = 720
RECIPE = find_recipe("paretext").with_(validation_lines=120)
STORED = ("fp32", "fp16", "int8")
SPACE = SearchSpace(
    {
        "width_percent": (25, 40, 60),
        "attention": ("squeeze_excite", "none"),
        "encoder": ("gru", "svtr"),
        "encoder_hidden": (16, 48),
        "encoder_layers": (1, 2),
        "time_stride": (4, 8),
    }
)


def grid() -> Iterator[Architecture]:
    """Every architecture of the space, in an order drawn once: any first part of it is a random sample."""
    places = [[]]
    for field in SPACE.open_fields:
        places = [[*place, choice] for place in places for choice in SPACE.choices[field]]
    random.Random(0).shuffle(places)
    for place in places:
        values = dict(zip(SPACE.open_fields, place, strict=True))
        yield SPACE.sample(lambda field, _, values=values: values[field])


def record(architecture: Architecture, cache: Path) -> dict[str, Any]:
    """Trains one architecture; its line of the table."""
    data = DataSpec(training="digits", height_px=architecture.height_px, training_lines=TRAINING_LINES)
    prepared = prepare(data, cache)
    started = time.perf_counter()
    folder = Path(tempfile.mkdtemp(prefix="recording-"))

    def report(_: EpochReport) -> bool:
        return True

    try:
        trained = train(TrainingJob(architecture, prepared, RECIPE, EPOCHS, folder, 0), report)
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
    parser.add_argument("--table", type=Path, default=TABLE)
    parser.add_argument("--cache", type=Path, default=Path("runs/cache"))
    parser.add_argument("--seconds", type=float, default=float("inf"), help="begin no training after so long")
    parser.add_argument("--part", default="1/1", metavar="I/N", help="train only every N-th architecture, from the I-th on")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    started = time.perf_counter()
    part, parts = map(int, asked.part.split("/"))
    for number, architecture in list(enumerate(grid()))[part - 1 :: parts]:
        lines = asked.table.read_text(encoding="utf-8").splitlines() if asked.table.exists() else []
        if any(json.loads(line)["architecture"] == architecture.changed() for line in lines):
            continue
        if time.perf_counter() - started > asked.seconds:
            break
        row = record(architecture, asked.cache)
        with asked.table.open("a", encoding="utf-8") as table:
            table.write(json.dumps(row) + "\n")
        print(number, architecture.describe(), row["seconds"], "s", row["cer"], row["files"], flush=True)


if __name__ == "__main__":
    main()
