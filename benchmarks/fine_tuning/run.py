"""What a reader knows of old and new lines after it was trained further on a few hundred new ones.

    python -m benchmarks.fine_tuning.run --out OUT [--cases digits codes] [--seeds 0 1 2] [--ways ...] [--epochs 8]
    python -m benchmarks.fine_tuning.report OUT

Two cases. `digits`: a reader of handwritten digits learns photographs of codes, which have other fonts and 24 new characters.
`codes`: a reader of codes without eight of the characters learns codes with all of them. The old reader is trained on 2,000 old
lines and exported; each way begins with its file and trains on 300 new lines. Ways are named by what differs:

    random              random weights, recipe `anytime`
    anytime             the reader's weights, recipe `anytime`
    rate=0.002          no flat start, and this learning rate
    rate=0.002+old      as before, and 400 old lines; half of the lines shown are new ones (weights)
    rate=0.002+natural  the same without weights: every line as often as any other
    rate=0.002+all      all 2,000 old lines, half of the lines shown are new ones

Each way is measured with 400 old and 400 new test lines. What is in OUT/results is not trained again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.small_data.codes import SYMBOLS, draw_text
from search_space import Architecture
from search_space.recognizer import Recognizer
from trainers.base.progress import EpochReport
from trainers.base.recipe import Recipe, find_recipe
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.validation import validate
from trainers.export.onnx_file import export
from trainers.export.relative_of_file import relative_of_file
from trainers.export.trained_metadata import metadata_of
from trainers.inherit.inherit import inherit
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, load_result, train

ARCHITECTURE = Architecture(width_percent=25, encoder="svtr", encoder_hidden=48, encoder_layers=1)
"""A network that is trained with 300 lines a second on one core, so that a training takes a minute."""
OLD_LINES, NEW_LINES, KEPT_LINES, TEST_LINES = 2000, 300, 400, 400
PARENT_EPOCHS = 10
AT = (1, 2, 4, 8)
"""Epochs after which test lines are read; an epoch shows at least 2,000 lines."""
LATE_SYMBOLS = "KRSWXZ79"
"""The characters that the old reader of the case `codes` has never seen."""
WAYS = (
    "random",
    "anytime",
    *(f"rate={rate}" for rate in ("0.005", "0.002", "0.0005")),
    *(f"rate={rate}+old" for rate in ("0.005", "0.002", "0.0005")),
    "anytime+old",
    "rate=0.002+natural",
    "rate=0.002+all",
)


def write_lines(folder: Path, count: int, seed: int, symbols: str, one_of: str = "") -> None:
    """Writes photographs of codes of 5 to 8 characters, as pairs.

    Args:
        folder: to write into.
        count: number of lines.
        seed: the same seed gives the same files.
        symbols: characters to choose from.
        one_of: each code has at least one of these; "" asks for none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    for number in range(count):
        text = rng.choice(list(symbols), rng.integers(5, 9))
        if one_of and not set(one_of) & set(text):
            text[rng.integers(len(text))] = rng.choice(list(one_of))
        draw_text("".join(text), rng).save(folder / f"{number:04}.png")
        (folder / f"{number:04}.gt.txt").write_text("".join(text) + "\n", encoding="utf-8")


def write_case(case: str, folder: Path) -> None:
    """Writes the lines of a case, once: `old` and `new` with `training` and `test` in each, `kept`, and the charset."""
    if (folder / "charset.txt").exists():
        return
    one_of = LATE_SYMBOLS if case == "codes" else ""
    write_lines(folder / "new/training", NEW_LINES, 1, SYMBOLS, one_of)
    write_lines(folder / "new/test", TEST_LINES, 2, SYMBOLS, one_of)
    if case == "codes":
        early = "".join(symbol for symbol in SYMBOLS if symbol not in LATE_SYMBOLS)
        write_lines(folder / "old/training", OLD_LINES, 3, early)
        write_lines(folder / "old/test", TEST_LINES, 4, early)
        write_lines(folder / "kept", KEPT_LINES, 3, early)  # the first of the training lines
    else:
        from PIL import Image

        from trainers.data.source_registry import open_source

        for part, name, count in (("old/training", "digits", OLD_LINES), ("old/test", "digits:test", TEST_LINES)):
            for number, line in enumerate(open_source(name).lines[:count]):
                for target in (part, "kept") if number < KEPT_LINES and name == "digits" else (part,):
                    (folder / target).mkdir(parents=True, exist_ok=True)
                    image: Image.Image = line.load()
                    image.save(folder / target / f"{number:04}.png")
                    (folder / target / f"{number:04}.gt.txt").write_text(line.text + "\n", encoding="utf-8")
    (folder / "charset.txt").write_text("\n".join(sorted(SYMBOLS)) + "\n", encoding="utf-8")


@dataclass(frozen=True)
class Case:
    """A case and a seed.

    Attributes:
        name: `digits` or `codes`.
        seed: of all trainings.
        out: where everything is kept.
    """

    name: str
    seed: int
    out: Path

    @property
    def lines(self) -> Path:
        """The folder of its lines."""
        return self.out / "lines" / self.name

    def prepared(self, training: list[str], validation: str, **rest: Any) -> LineDataset:
        """Some of its folders, prepared."""
        joined = ";".join(str(self.lines / part) for part in training)
        spec = DataSpec(training=joined, validation=str(self.lines / validation), test=None, **rest)
        return prepare(spec, self.out / "cache")

    def parent(self) -> Path:
        """The file of the old reader; trained once."""
        folder = self.out / "trainings" / f"{self.name}-{self.seed}-parent"
        file = folder / "model.onnx"
        if not file.exists():
            old = self.prepared(["old/training"], "old/test")
            done = train(
                TrainingJob(ARCHITECTURE, old, find_recipe("anytime"), PARENT_EPOCHS, folder, self.seed), _printer(folder.name)
            )
            assert isinstance(done, TrainingResult)
            export(done.recognizer, file, metadata_of(done.recognizer, ARCHITECTURE, old, "none"))
        return file

    def run(self, way: str, epochs: int) -> None:
        """Trains one way and reads the test lines as it goes."""
        name = f"{self.name}-{way}-{self.seed}"
        kept = self.out / "results" / f"{name}.json"
        row: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        row |= {"case": self.name, "way": way, "seed": self.seed}
        row.setdefault("at", {})
        wanted = [epoch for epoch in AT if epoch <= epochs]
        if all(str(epoch) in row["at"] for epoch in wanted):
            return
        job = self.job(way, name)
        tests = {part: self.prepared(["new/training"], f"{part}/test").validation for part in ("new", "old")}
        charset = job.data.charset.symbols

        def read(network: Recognizer, epoch: int) -> None:
            scores = {part: validate(network.eval(), lines, charset, 0) for part, lines in tests.items()}
            row["at"][str(epoch)] = {part: [round(s.accuracy, 4), round(s.cer, 4)] for part, s in scores.items()}
            print(name, epoch, row["at"][str(epoch)], flush=True)

        def begin(network: Recognizer) -> None:
            found = inherit(network, charset, relative_of_file(self.parent(), job.data.training))
            row["share"] = round(found.share, 4)
            read(network, 0)

        for epoch in wanted:
            train(job, _printer(name), until_epoch=epoch, begin=None if way == "random" else begin)
            read(load_result(job).recognizer, epoch)
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(row) + "\n", encoding="utf-8")

    def job(self, way: str, name: str) -> TrainingJob:
        """The training of a way."""
        recipe, _, old = way.partition("+")
        sources, weights = ["new/training"], None
        if old:
            count = OLD_LINES if old == "all" else KEPT_LINES
            sources.append("old/training" if old == "all" else "kept")
            weights = None if old == "natural" else (count / NEW_LINES, 1.0)
        data = self.prepared(sources, "new/test", charset=str(self.lines / "charset.txt"), weights=weights)
        return TrainingJob(ARCHITECTURE, data, _recipe(recipe), max(AT), self.out / "trainings" / name, self.seed)


def _recipe(way: str) -> Recipe:
    recipe = find_recipe("anytime")
    if not way.startswith("rate="):
        return recipe
    return recipe.with_(learning_rate=float(way.removeprefix("rate=")), flat_start_steps=0)


def _printer(name: str) -> Any:
    def report(epoch: EpochReport) -> bool:
        print(
            f"{name}: epoch {epoch.epoch} loss {epoch.loss:.3f} accuracy {epoch.accuracy:.3f} {epoch.seconds:.1f} s", flush=True
        )
        return True

    return report


def main() -> None:
    """Trains what is missing."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cases", nargs="+", choices=("digits", "codes"), default=["digits", "codes"])
    parser.add_argument("--ways", nargs="+", default=list(WAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=max(AT))
    given = parser.parse_args()
    torch.set_num_threads(1)
    for seed in given.seeds:
        for name in given.cases:
            write_case(name, given.out / "lines" / name)
            for way in given.ways:
                Case(name, seed, given.out).run(way, given.epochs)


if __name__ == "__main__":
    main()
