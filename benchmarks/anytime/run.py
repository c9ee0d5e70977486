"""Trainings that are good whenever they end: learning-rate schedules and averages of weights, compared at 5 to 80 epochs.

    python -m benchmarks.anytime.run --out OUT --fraktur DIR --labels LABELS.tsv [--data codes] [--seeds 0 1 2]
    python -m benchmarks.anytime.report --out OUT

A complete training has one file in OUT/results and is not run again; the same command continues with the next.
"""

from __future__ import annotations

import argparse
import copy
import itertools
import json
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.anytime.lines import PROBLEMS, open_problem
from search_space.recognizer import Recognizer, build_recognizer
from trainers.base.recipe import Recipe, find_recipe
from trainers.batching.augment import augment
from trainers.batching.line_selection import plan_lines
from trainers.data.dataset import LineDataset
from trainers.evaluation.validation import validate
from trainers.pruning.recalibrate import recalibrate
from trainers.training.losses import line_losses
from trainers.training.optimizer import make_optimizer

LENGTHS = (5, 10, 20, 40, 80)
EVALUATED = (1, 2, 3, *LENGTHS)
FLAT_START_STEPS = 600
"""Steps of the flat start where the length is not known: what a tenth of 40 epochs of 1,500 lines is."""
DECAY_SHARE = 0.2
"""Share of a training that a decay at its end takes."""
RECALIBRATED_LINES = 400
AVERAGES: dict[str, Callable[[int], float]] = {
    "ema 0.99": lambda step: min(0.99, step / (step + 10)),
    "ema 0.998": lambda step: min(0.998, step / (step + 10)),
    "power 0.10": lambda step: (1 - 1 / step) ** (6.94 + 1),
}
"""Decay at a step (from 1) of each average of the weights. The power function is that of Karras et al., 2024
(arXiv:2312.02696): its width is 10 % of the training so far."""


class Average:
    """Moving average of weights and buffers."""

    def __init__(self, network: nn.Module, decay: Callable[[int], float]) -> None:
        self.decay, self.step = decay, 0
        self.values = [v.clone() for v in floats(network)]

    @torch.no_grad()
    def update(self, tensors: list[Tensor]) -> None:
        self.step += 1
        torch._foreach_lerp_(self.values, tensors, 1 - self.decay(self.step))

    @torch.no_grad()
    def copy_to(self, network: nn.Module) -> None:
        for mine, theirs in zip(self.values, floats(network), strict=True):
            theirs.copy_(mine)


def floats(network: nn.Module) -> list[Tensor]:
    """Weights and buffers that can be averaged."""
    return [value.detach() for value in network.state_dict().values() if value.is_floating_point()]


class Training:
    """One network in training, step by step, with every average beside it."""

    def __init__(self, name: str, lines: LineDataset, recipe: Recipe, seed: int, schedule_free: bool) -> None:
        self.recipe = recipe.with_(batch_lines=recipe.lines_per_batch(len(lines.training)))
        self.seed, self.epoch, self.step = seed, 0, 0
        torch.manual_seed(seed)
        self.network = build_recognizer(PROBLEMS[name].architecture, len(lines.charset))
        self.network.contrast = "even" if recipe.even_contrast else "plain"
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        device = torch.device("cpu")
        self.planner, self.feed = plan_lines(lines.training, lines.charset, self.network, self.recipe, device)
        self.optimizer = (
            _schedule_free(self.network, self.recipe) if schedule_free else make_optimizer(self.network, self.recipe)
        )
        self.averages = {} if schedule_free else {k: Average(self.network, decay) for k, decay in AVERAGES.items()}
        self.steps_per_epoch = len(self.planner.plan(np.random.default_rng(0)))

    def train_epoch(self, rate_at: Callable[[float], float], flat_steps: float) -> None:
        """Shows every line once.

        Args:
            rate_at: learning rate by epoch, fractions too.
            flat_steps: over which the flat start fades.
        """
        rng = np.random.default_rng([self.seed, self.epoch])
        torch.manual_seed(int(rng.integers(2**62)))
        self.network.train()
        batches, tensors = self.planner.plan(rng), floats(self.network)
        for at, batch in enumerate(batches):
            shown = self.feed.collate(batch)
            images, widths = augment(shown.images, shown.widths, self.recipe.augmentation, rng)
            flatness = max(0.0, 1 - self.step / flat_steps)
            goal, _ = line_losses(self.network, self.recipe, images, widths, shown, flatness)
            self.optimizer.zero_grad(set_to_none=True)
            goal.mean().backward()  # type: ignore[no-untyped-call]
            nn.utils.clip_grad_norm_(self.network.parameters(), self.recipe.clip_norm)
            for group in self.optimizer.param_groups:
                group["lr"] = rate_at(self.epoch + at / len(batches))
            self.optimizer.step()
            self.step += 1
            for average in self.averages.values():
                average.update(tensors)
        self.epoch += 1


def _schedule_free(network: nn.Module, recipe: Recipe) -> Any:
    """Schedule-free AdamW (Defazio et al., 2024, arXiv:2405.15682), which does its own warm-up."""
    from schedulefree import AdamWScheduleFree

    weights = list(network.parameters())
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = AdamWScheduleFree(groups, lr=recipe.learning_rate)
    optimizer.train()  # its weights are those that gradients are computed at; `eval` changes them to the average
    return optimizer


class Recorder:
    """Reads validation and test lines and notes what was read."""

    def __init__(self, lines: LineDataset, tested: LineDataset, out: Path) -> None:
        self.lines, self.tested, self.out = lines, tested, out
        self.rows: list[dict[str, Any]] = []

    def read(self, network: Recognizer, schedule: str, average: str, epoch: int) -> None:
        row: dict[str, Any] = {"schedule": schedule, "average": average, "epoch": epoch}
        for part, lines in (("validation", self.lines), ("test", self.tested)):
            score = validate(network, lines.validation, lines.charset.symbols)
            row |= {f"{part}_accuracy": round(score.accuracy, 5), f"{part}_cer": round(score.cer, 5)}
        self.rows.append(row)

    def read_all(self, training: Training, schedule: str) -> None:
        """The last weights and every average, with averaged and with recalibrated BatchNorm statistics."""
        epoch = training.epoch
        if isinstance(training.optimizer, torch.optim.Optimizer) and hasattr(training.optimizer, "eval"):
            training.optimizer.eval()
            averaged = copy.deepcopy(training.network)
            training.optimizer.train()
            recalibrate(averaged, self.lines.training, RECALIBRATED_LINES)
            self.read(averaged, schedule, "its own, recalibrated", epoch)
            return
        network = copy.deepcopy(training.network)
        self.read(network, schedule, "none", epoch)
        for name, average in training.averages.items():
            average.copy_to(network)
            self.read(network, schedule, name, epoch)
            if name in ("ema 0.998", "power 0.10"):
                recalibrate(network, self.lines.training, RECALIBRATED_LINES)
                self.read(network, schedule, f"{name}, recalibrated", epoch)

    def save(self, header: dict[str, Any]) -> None:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        unfinished = self.out.with_suffix(f".{os.getpid()}.tmp")
        unfinished.write_text("".join(json.dumps(header | row) + "\n" for row in self.rows), encoding="utf-8")
        unfinished.replace(self.out)


def cosine(recipe: Recipe, epochs: int) -> Callable[[float], float]:
    """What the recipe does today."""
    return lambda epoch: recipe.learning_rate_at(epoch, epochs)


def constant(recipe: Recipe) -> Callable[[float], float]:
    """The full rate after the warm-up."""
    return lambda epoch: recipe.learning_rate * min(1.0, max(epoch / recipe.warmup_epochs, 0.01))


def decayed(rate_at: Callable[[float], float], begins: int, ends: int) -> Callable[[float], float]:
    """A schedule that falls linearly to 0 between two epochs."""
    return lambda epoch: rate_at(epoch) * (1 - max(0.0, epoch - begins) / (ends - begins))


def run_cosine(training: Training, recorder: Recorder, length: int) -> None:
    """A cosine of exactly that length, with today's flat start."""
    flat = min(training.recipe.flat_start * length * training.steps_per_epoch, 2000)
    for _ in range(length):
        training.train_epoch(cosine(training.recipe, length), flat)
    recorder.read_all(training, f"cosine over {length}")


def run_open(training: Training, recorder: Recorder, schedule: str, rate_at: Callable[[float], float], decays: bool) -> None:
    """A training without a planned end; at each length, beside it, the same with its last fifth decayed."""
    beginnings = {length - max(1, round(DECAY_SHARE * length)): length for length in LENGTHS} if decays else {}
    for _ in range(max(LENGTHS)):
        if training.epoch in beginnings:
            length = beginnings[training.epoch]
            branch = copy.deepcopy(training)
            while branch.epoch < length:
                branch.train_epoch(decayed(rate_at, training.epoch, length), FLAT_START_STEPS)
            recorder.read_all(branch, f"{schedule}, decay to {length}")
        training.train_epoch(rate_at, FLAT_START_STEPS)
        if training.epoch in EVALUATED:
            recorder.read_all(training, schedule)


def run(name: str, schedule: str, seed: int, lines: LineDataset, tested: LineDataset, out: Path) -> None:
    """One training, if it is not there yet."""
    file = out / "results" / f"{name}-{schedule.replace(' ', '_')}-{seed}.jsonl"
    if file.exists():
        return
    started = time.process_time()
    recipe = find_recipe("paretext")
    training = Training(name, lines, recipe, seed, schedule_free=schedule == "schedule-free")
    recorder = Recorder(lines, tested, file)
    if schedule == "constant":
        run_open(training, recorder, schedule, constant(recipe), decays=True)
    elif schedule == "schedule-free":
        run_open(training, recorder, schedule, constant(recipe), decays=False)
    else:
        run_cosine(training, recorder, int(schedule.split()[-1]))
    seconds = time.process_time() - started
    recorder.save({"data": name, "seed": seed, "cpu_seconds": round(seconds, 1), "steps_per_epoch": training.steps_per_epoch})
    print(f"{time.strftime('%H:%M')} {file.stem}: {seconds:.0f} s of processor time", flush=True)


SCHEDULES = ("constant", *(f"cosine {length}" for length in LENGTHS), "schedule-free")


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs what is missing, data set by data set, one seed after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fraktur", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--data", nargs="+", choices=list(PROBLEMS), default=list(PROBLEMS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--schedules", nargs="+", choices=SCHEDULES, default=SCHEDULES)
    args = parser.parse_args(arguments)
    torch.set_num_threads(1)
    opened = {name: open_problem(name, args.out, args.fraktur, args.labels) for name in args.data}
    for seed, schedule, name in itertools.product(args.seeds, args.schedules, args.data):
        run(name, schedule, seed, *opened[name], args.out)


if __name__ == "__main__":
    main()
