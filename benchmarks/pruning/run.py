"""Criterion x ratio on a ResNet18 that reads digits: accuracy before the cut, right after it, recalibrated, fine-tuned.

    python -m benchmarks.pruning.run OUT [--criterion l1 l2 fpgm eagleeye] [--seconds 500]
    python -m benchmarks.pruning.report OUT

Decisions:
- All cuts start from one parent, trained once; each is then fine-tuned for the same number of epochs.
- Layers are measured at nine ratios for FPGM, whose figure is drawn, and at three, as in a trial, for L1 and L2.
- The parent is also left as a file, OUT/parent.onnx: `benchmarks.precision` reads it.
- If it is run again, it continues where it stopped: each accuracy is written to OUT/CRITERION.json at once. Several criteria
  can run at the same time once the parent is trained.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import torch

from benchmarks.pruning.stages import Bench, candidates_of, cut_and_recalibrated, fine_tuned
from search_space import zoo
from search_space.recognizer import build_recognizer
from search_space.rules import PRUNE_CRITERIA
from trainers.base.progress import EpochReport, Paused
from trainers.base.recipe import find_recipe
from trainers.data.dataset import prepare
from trainers.data.spec import DataSpec
from trainers.export.onnx_file import export
from trainers.export.trained_metadata import metadata_of
from trainers.pruning.prune import PruningSettings, solved
from trainers.pruning.sensitivity import RATIOS, measure_sensitivity
from trainers.training.job import TrainingJob
from trainers.training.loop import train

PARENT = zoo.architecture("resnet18_48_prune_0.9").with_(prune_percent=0, width_percent=25)
PARENT_EPOCHS, FINE_TUNED_EPOCHS = 5, 2
PERCENTS = (50, 70, 90)
MORE_TO_DO = 75
"""Exit status when the time is up; the same command then continues."""


class TimeIsUp(Exception):
    """Everything known so far is written."""


class Clock:
    """Says when to stop: before an epoch or a layer that would not end in time."""

    def __init__(self, seconds: float) -> None:
        self.ends, self.longest = time.monotonic() + seconds, 0.0
        self.last = time.monotonic()

    def goes_on(self) -> bool:
        now = time.monotonic()
        self.longest, self.last = max(self.longest, now - self.last), now
        return now + self.longest < self.ends

    def after_epoch(self, epoch: EpochReport) -> bool:
        print(f"epoch {epoch.epoch}/{epoch.epochs} loss {epoch.loss:.3f} accuracy {epoch.accuracy:.4f}", flush=True)
        return self.goes_on()

    def after_layer(self, done: int, total: int) -> None:
        print(f"layer {done} of {total}", flush=True)
        if done < total and not self.goes_on():
            raise TimeIsUp


def bench_of(out: Path, clock: Clock) -> Bench:
    """Trains the parent, if it is not trained yet."""
    prepared = prepare(DataSpec(training="digits"), out / "cache")
    recipe, weights = find_recipe("paretext"), out / "parent.pt"
    if not weights.exists():
        outcome = train(TrainingJob(PARENT, prepared, recipe, PARENT_EPOCHS, out / "parent", 0), clock.after_epoch)
        if isinstance(outcome, Paused):
            raise TimeIsUp
        torch.save(outcome.recognizer.state_dict(), weights.with_suffix(".partial"))
        weights.with_suffix(".partial").replace(weights)
    parent = build_recognizer(PARENT, len(prepared.charset)).eval()
    parent.contrast = "even" if recipe.even_contrast else "plain"
    parent.load_state_dict(torch.load(weights, weights_only=True))
    if not weights.with_suffix(".onnx").exists():
        export(parent, weights.with_suffix(".onnx"), metadata_of(parent, PARENT, prepared, "none"))
    return Bench(parent, PARENT, prepared, recipe, FINE_TUNED_EPOCHS)


def run_criterion(bench: Bench, criterion: str, out: Path, clock: Clock) -> None:
    """All ratios of one criterion."""
    kept = out / f"{criterion}.json"
    rows: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    rows.setdefault("before", bench.accuracy(bench.parent))
    for percent in PERCENTS:
        row = rows.setdefault(str(percent), {})
        if "removed" not in row:
            row["removed"] = _removed(bench, criterion, percent, out, clock, row)
            _keep(rows, kept)
        if "after_recalibration" not in row:
            row |= cut_and_recalibrated(bench, row["removed"], criterion)[2]
            _keep(rows, kept)
        if "after_fine_tuning" not in row:
            removed = row["removed"]
            folder = out / f"{criterion}-{percent}"
            found = fine_tuned(
                bench,
                percent,
                criterion,
                lambda removed=removed: cut_and_recalibrated(bench, removed, criterion)[:2],
                folder,
                clock.after_epoch,
            )
            if found is None:
                raise TimeIsUp
            row["after_fine_tuning"] = found
            _keep(rows, kept)
        print(f"{criterion} {percent} %: { ({n: v for n, v in row.items() if n.startswith('after')}) }", flush=True)


def _removed(bench: Bench, criterion: str, percent: int, out: Path, clock: Clock, row: dict[str, Any]) -> dict[str, int]:
    """Channels to take of each group."""
    if criterion == "eagleeye":
        drawn, unseen = candidates_of(bench, percent)
        row["candidates"] = [[c.accuracy, other] for c, other in zip(drawn, unseen, strict=True)]
        return drawn[0].removed
    ratios = RATIOS if criterion == "fpgm" else PruningSettings().ratios
    table_file = out / f"sensitivity-{criterion}.csv"
    table = measure_sensitivity(bench.parent, bench.evaluation_sample, criterion, ratios, table_file, clock.after_layer)
    return solved(table, bench.parent, percent)


def _keep(rows: dict[str, Any], kept: Path) -> None:
    partial = kept.with_suffix(".partial")
    partial.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    partial.replace(kept)


def main() -> int:
    """Measures until everything is done or the time is up."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("out", type=Path)
    arguments.add_argument("--criterion", nargs="*", choices=PRUNE_CRITERIA, default=list(PRUNE_CRITERIA))
    arguments.add_argument("--seconds", type=float, default=1e9, help="stop after about so many")
    given = arguments.parse_args()
    torch.set_num_threads(1)
    clock = Clock(given.seconds)
    try:
        bench = bench_of(given.out, clock)
        for criterion in given.criterion:
            run_criterion(bench, criterion, given.out, clock)
    except TimeIsUp:
        return MORE_TO_DO
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
