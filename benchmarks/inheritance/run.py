"""How many epochs inherited weights save: the same network trained from random weights and from a relative's.

    python -m benchmarks.inheritance.run --out OUT [--data codes fraktur digits iiit5k] [--fraktur DIR] [--iiit5k DIR]
                                         [--cases narrower wider encoder] [--seeds 0 1 2] [--epochs 40] [--parent-epochs 20]
                                         [--beginnings random first important important-no-flat-start starter
                                                       starter-no-flat-start starter+relative]
                                         [--starter FOLDER]
    python -m benchmarks.inheritance.report OUT

Decisions:
- A case is a relative and a child. The relative is trained on the same lines, with the same seed; the child then begins with
  random weights, with the relative's first channels, or with its most important ones.
- `starter` begins with the starter weights of the package, or of a folder that benchmarks.starter.pack has written;
  `starter+relative` begins with the important channels of a relative that has itself begun with them.
- Child and relative have the default recipe, and see the same lines in the same order. An epoch shows every line once.
- The recipe begins with a flat start, which keeps a random head from writing blanks alone. Whether inherited weights need one
  is open: `important-no-flat-start` and `starter-no-flat-start` train without it.
- `narrower` is the case in which channels have to be chosen; `wider` adds channels; `encoder` changes what stands behind the
  columns.
- If it is run again, it continues where it stopped: OUT/results has every finished epoch. Other starter weights begin anew.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.small_data.run import lines_of
from search_space import Architecture
from search_space.recognizer import Recognizer
from trainers.base.progress import EpochReport
from trainers.base.recipe import find_recipe
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.validation import validate
from trainers.inherit.inherit import Channels, inherit
from trainers.inherit.relative import Relative
from trainers.inherit.starter import FOLDER, starter_for, starter_record
from trainers.pruning.recalibrate import recalibrate
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, train

DATA = ("codes", "fraktur", "digits", "iiit5k")
STARTER, BOTH = "starter", "starter+relative"
NO_FLAT_START = "-no-flat-start"
BEGINNINGS = ("random", "first", "important", f"important{NO_FLAT_START}", STARTER, f"{STARTER}{NO_FLAT_START}", BOTH)
RECALIBRATED_LINES = 200
"""Training lines from which BatchNorm statistics are measured before the first epoch: enough to see what was inherited."""


@dataclass(frozen=True)
class Case:
    """A relative and a child.

    Attributes:
        relative, child: their architectures.
    """

    relative: Architecture
    child: Architecture


HALF = Architecture(width_percent=50, neck="fpn_a", attention="coordinate", encoder="svtr", encoder_hidden=48, encoder_layers=2)
"""The network of the first measurements of inheritance, on 800 photographs."""
QUARTER = HALF.with_(width_percent=25)
CASES = {
    "narrower": Case(HALF, QUARTER),
    "wider": Case(QUARTER, HALF),
    "encoder": Case(HALF.with_(encoder="gru"), HALF),
}


@dataclass(frozen=True)
class Bench:
    """What all trainings of a data set and a seed have in common."""

    name: str
    data: LineDataset
    seed: int
    out: Path
    starter: Path

    def job(self, architecture: Architecture, epochs: int, name: str) -> TrainingJob:
        folder = self.out / "trainings" / f"{self.name}-{self.seed}-{name}"
        recipe = find_recipe("anytime").with_(min_epoch_lines=0)
        if NO_FLAT_START in name:
            recipe = recipe.with_(flat_start_steps=0)
        return TrainingJob(architecture, self.data, recipe, epochs, folder, self.seed)

    def starter_of(self, architecture: Architecture) -> tuple[Relative, str]:
        """The starter weights for an architecture, and the beginning of their file's hash."""
        found, record = starter_for(architecture, self.starter), starter_record(architecture, self.starter)
        if found is None or record is None:
            raise SystemExit(f"{self.starter} has no starter weights for {architecture.backbone}; name other --beginnings")
        return found, record.sha256[:8]

    def relative(self, case: str, epochs: int, from_starter: bool) -> Relative:
        """The trained relative of a case; trained once."""
        architecture, charset = CASES[case].relative, self.data.charset.symbols
        starter, digest = self.starter_of(architecture) if from_starter else (None, "")
        job = self.job(architecture, epochs, f"relative-{architecture.digest}{digest and '-'}{digest}")
        kept = job.folder / f"weights-{epochs}.pt"
        if not kept.exists():
            begin = None if starter is None else lambda network: inherit(network, charset, starter)
            done = train(job, _printer(f"{self.name} {self.seed} relative"), begin=begin)
            assert isinstance(done, TrainingResult)
            torch.save(done.recognizer.state_dict(), kept.with_suffix(".partial"))
            kept.with_suffix(".partial").replace(kept)
        return Relative(architecture, charset, torch.load(kept, weights_only=True))

    def parent(self, case: str, beginning: str, epochs: int) -> Relative | None:
        """What the child of a case begins with; None for random weights."""
        if beginning == "random":
            return None
        if beginning.removesuffix(NO_FLAT_START) == STARTER:
            return self.starter_of(CASES[case].child)[0]
        return self.relative(case, epochs, from_starter=beginning == BOTH)

    def child(self, case: str, beginning: str, epochs: int, parent_epochs: int) -> None:
        """Trains the child of a case from one beginning, or what is missing of that."""
        name = f"{self.name}-{case}-{beginning}-{self.seed}"
        kept = self.out / "results" / f"{name}.json"
        row: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
        digest = self.starter_of(CASES[case].child)[1] if STARTER in beginning else ""
        of_parent = 0 if beginning in ("random", STARTER, f"{STARTER}{NO_FLAT_START}") else parent_epochs
        if row.get("starter", "") != digest or row.get("parent_epochs", of_parent) != of_parent:
            row = {}
        if len(row.get("cer", ())) > epochs:
            return
        row |= {"data": self.name, "case": case, "beginning": beginning, "seed": self.seed, "parent_epochs": of_parent}
        row |= {"starter": digest} if digest else {}
        row.setdefault("share", 0.0)

        def begin(network: Recognizer) -> None:
            relative = self.parent(case, beginning, parent_epochs)
            if relative is not None:
                channels: Channels = "first" if beginning == "first" else "important"
                found = inherit(network, self.data.charset.symbols, relative, channels)
                row["share"], row["parts"] = round(found.share, 4), found.as_dict()["parts"]
                print(found.table(), flush=True)
            recalibrate(network, self.data.training, RECALIBRATED_LINES)
            score = validate(network, self.data.validation, self.data.charset.symbols, 0)
            row["cer"], row["accuracy"] = [score.cer], [score.accuracy]

        def report(epoch: EpochReport) -> bool:
            for key, value in (("cer", epoch.cer), ("accuracy", epoch.accuracy)):
                row[key] = [*row[key][: epoch.epoch], round(value, 5)]
            _keep(row, kept)
            return _printer(name)(epoch)

        train(
            self.job(CASES[case].child, epochs, f"{case}-{beginning}-{of_parent}{digest and '-'}{digest}"),
            report,
            begin=begin,
        )


def _printer(name: str) -> Callable[[EpochReport], bool]:
    def report(epoch: EpochReport) -> bool:
        print(f"{name}: epoch {epoch.epoch}/{epoch.epochs} CER {epoch.cer:.4f} accuracy {epoch.accuracy:.4f}", flush=True)
        return True

    return report


def _keep(row: dict[str, Any], kept: Path) -> None:
    kept.parent.mkdir(parents=True, exist_ok=True)
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(row) + "\n", encoding="utf-8")
    partial.replace(kept)


def data_of(name: str, given: argparse.Namespace) -> DataSpec:
    """The lines of a data set."""
    if name == "digits":
        return DataSpec(training="digits", training_lines=given.lines)
    if name == "iiit5k":
        if given.iiit5k is None:
            raise SystemExit("--data iiit5k needs --iiit5k: the folder that holds its train and test words")
        return DataSpec(training=str(given.iiit5k / "train"), validation=str(given.iiit5k / "test"))
    source = None if given.fraktur is None else given.fraktur / "training"
    return lines_of(name, given.out / "lines", source).with_(training_lines=given.lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--fraktur", type=Path, help="folder with training lines, needed for --data fraktur")
    parser.add_argument("--iiit5k", type=Path, help="folder with train and test words, needed for --data iiit5k")
    parser.add_argument("--cases", nargs="+", choices=list(CASES), default=list(CASES))
    parser.add_argument("--beginnings", nargs="+", choices=BEGINNINGS, default=list(BEGINNINGS))
    parser.add_argument(
        "--starter", type=Path, default=FOLDER, help="folder of starter weights; by default those of the package"
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=40)
    parser.add_argument("--parent-epochs", type=int, default=20)
    parser.add_argument("--lines", type=int, help="use only the first training lines; by default all")
    parser.add_argument("--threads", type=int, default=1)
    return parser.parse_args()


def main() -> None:
    """Trains what is missing."""
    given = arguments()
    torch.set_num_threads(given.threads)
    for name in given.data:
        prepared = prepare(data_of(name, given), given.out / "cache")
        for seed in given.seeds:
            bench = Bench(name, prepared, seed, given.out, given.starter)
            for case in given.cases:
                for beginning in given.beginnings:
                    bench.child(case, beginning, given.epochs, given.parent_epochs)


if __name__ == "__main__":
    main()
