"""The loop: epochs of steps, a reading of the validation lines after each, a checkpoint after each.

Decisions:
- Every random choice of an epoch comes from (seed, epoch): a resumed training needs no stored generator to go on exactly as
  it would have, and on the CPU ends with the same weights.
- The loop never waits for the device within an epoch: the loss is summed there and looked at once, at the end.
- A training that prunes makes its cut between two epochs (`trainers.pruning.phases`); epochs are counted on.
- A fault is answered once, from the last checkpoint, with what helps: half the batch or half the learning rate.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer
from trainers.base.errors import TrainingFault, UserError
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.batching.augment import augment
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import Batch, Collator, DecodedLines
from trainers.batching.device_dataset import DeviceDataset
from trainers.batching.line_selection import plan_lines, warmup_epochs
from trainers.data.charset import Charset
from trainers.evaluation.validation import validate
from trainers.pruning.phases import Phases
from trainers.training.checkpoint import load_checkpoint, save_checkpoint
from trainers.training.fast_gru import quick_recurrence
from trainers.training.flat_start import flatness_at
from trainers.training.learner import Learner
from trainers.training.losses import line_losses
from trainers.training.optimizer import computes_in_bf16
from trainers.training.pretrained import begin_pretrained

__all__ = ["EpochReport", "Paused", "Report", "Trained", "train", "training_identity"]


class PreparedLines(Protocol):
    """`trainers.data.dataset.LineDataset`, or anything like it."""

    @property
    def charset(self) -> Charset: ...
    @property
    def training(self) -> DecodedLines: ...
    @property
    def validation(self) -> DecodedLines: ...
    @property
    def digest(self) -> str: ...
    @property
    def warmup(self) -> DecodedLines | None: ...


@dataclass(frozen=True)
class Trained:
    """A training that is through.

    Attributes:
        recognizer: in eval mode, on the CPU, with the averaged weights where the recipe keeps an average.
        history: reports of all epochs, oldest first.
    """

    recognizer: Recognizer
    history: tuple[EpochReport, ...]


def train(
    architecture: Architecture,
    prepared: PreparedLines,
    recipe: Recipe,
    epochs: int,
    folder: Path,
    seed: int,
    report: Report,
    until_epoch: int | None = None,
    device: str = "cpu",
    goes_on: Report | None = None,
) -> Trained | Paused:
    """Trains, or goes on training, a recogniser.

    Args:
        architecture: what to train.
        prepared: decoded training and validation lines and their charset.
        recipe: how.
        epochs: length of the whole training, at least 1; the learning rate's curve spans it.
        folder: where the checkpoint lies; one of another training is ignored and replaced.
        seed: of weights, order and augmentation.
        report: told of each epoch; False stops after it, unless it was the last.
        until_epoch: pause after this epoch, unless it is the last; None goes to the end.
        device: "cpu", "cuda", "cuda:1" ...
        goes_on: told of the last epoch of the checkpoint that it goes on from, if there is one; False pauses there.

    Raises:
        UserError: fewer than one epoch, or no training line fits the architecture's time steps.
        TrainingFault: loss not finite ("nan") or memory exhausted ("oom"), twice.
    """
    if epochs < 1:
        raise UserError(f"epochs must be at least 1, not {epochs}")
    identity = training_identity(architecture, prepared, recipe, epochs, seed)
    recipe = recipe.with_(batch_lines=recipe.lines_per_batch(len(prepared.training)))
    eased: dict[str, float] = {}
    for last_try in (False, True):
        held = load_checkpoint(folder, identity)
        eased = held["eased"] if held else eased
        try:
            with torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []):
                training = _Training(architecture, prepared, recipe, eased, epochs, seed, device)
                if held:
                    training.restore(held)
                    if goes_on is not None and not goes_on(training.history[-1]) and len(training.history) < epochs:
                        return Paused(tuple(training.history), stopped=True)
                elif recipe.pretrained:
                    begin_pretrained(training.learner.recognizer, recipe.pretrained)
                return training.run(lambda state: save_checkpoint(folder, identity, state), report, until_epoch)
        except TrainingFault as fault:
            if eased or last_try or fault.kind not in RELIEF:
                raise
            eased = RELIEF[fault.kind](recipe)
        except (torch.OutOfMemoryError, MemoryError) as error:
            if eased or last_try:
                raise TrainingFault("oom", f"out of memory with {recipe.batch_lines} lines a batch: {error}") from error
            eased = RELIEF["oom"](recipe)
    raise AssertionError("the last try returns or raises")


RELIEF: dict[str, Callable[[Recipe], dict[str, float]]] = {
    "nan": lambda recipe: {"learning_rate": recipe.learning_rate / 2},
    "oom": lambda recipe: {"batch_lines": max(1, recipe.batch_lines // 2)},
}
"""What helps against a fault: changes of the recipe, made once."""


def training_identity(architecture: Architecture, prepared: PreparedLines, recipe: Recipe, epochs: int, seed: int) -> str:
    """What two trainings must share for one to go on from the other's checkpoint."""
    return f"{architecture.digest} {prepared.digest} {recipe.digest} {epochs} {seed}"


class _Training:
    """One training: its network, its lines and its place."""

    def __init__(
        self,
        architecture: Architecture,
        prepared: PreparedLines,
        recipe: Recipe,
        eased: dict[str, float],
        epochs: int,
        seed: int,
        device: str,
    ) -> None:
        self.prepared, self.recipe, self.eased = prepared, recipe.with_(**eased), eased
        self.epochs, self.seed, self.device = epochs, seed, torch.device(device)
        self.half = computes_in_bf16(self.recipe.precision, self.device)
        self.history: list[EpochReport] = []
        self.learner = Learner(architecture, len(prepared.charset), self.recipe, seed, self.device)
        self.phases = Phases.of(epochs, architecture.prune_percent)
        self.shows = self._plan(prepared.training)
        self.warmup_shows, self.warmup_epochs = self.shows, 0
        if prepared.warmup is not None:
            self.warmup_epochs = warmup_epochs(epochs)
            self.warmup_shows = self._plan(prepared.warmup)

    def _plan(self, lines: DecodedLines) -> tuple[BatchPlanner, Collator | DeviceDataset]:
        return plan_lines(lines, self.prepared.charset, self.learner.recognizer, self.recipe, self.device)

    def restore(self, state: dict[str, Any]) -> None:
        self.learner.restore(state)
        self.history = [EpochReport(**report) for report in state["history"]]

    def state(self) -> dict[str, Any]:
        return {**self.learner.state(), "history": [report.as_dict() for report in self.history], "eased": self.eased}

    def run(self, save: Callable[[dict[str, Any]], None], report: Report, until_epoch: int | None) -> Trained | Paused:
        last = self.epochs if until_epoch is None else min(until_epoch, self.epochs)
        while len(self.history) < last:
            self._cut_if_due()
            self.history.append(self._epoch(len(self.history)))
            save(self.state())
            if not report(self.history[-1]) and len(self.history) < self.epochs:
                return Paused(tuple(self.history), stopped=True)
        if len(self.history) < self.epochs:
            return Paused(tuple(self.history), stopped=False)
        self._cut_if_due()
        return Trained(self.learner.reading_network().cpu().eval(), tuple(self.history))

    def _cut_if_due(self) -> None:
        """Prunes once, after the first phase."""
        if self.learner.cut is None and len(self.history) == self.phases.cut_after:
            from trainers.pruning.sensitivity import EvaluationSample

            prepared = self.prepared
            self.learner.prune(EvaluationSample(prepared.training, prepared.validation, prepared.charset.symbols))

    def _epoch(self, done: int) -> EpochReport:
        """Trains epoch number `done` (from 0) and reads the validation lines."""
        started = time.perf_counter()
        loss = self._steps(done)
        reading, charset = self.learner.reading_network(), self.prepared.charset
        score = validate(reading, self.prepared.validation, charset.symbols, self.recipe.validation_lines)
        seconds = time.perf_counter() - started
        return EpochReport(done + 1, self.epochs, loss, score.accuracy, score.cer, seconds)

    def _steps(self, done: int) -> float:
        """All steps of an epoch; the mean loss of a line."""
        rng = np.random.default_rng([self.seed, done])
        torch.manual_seed(int(rng.integers(2**62)))
        self.learner.recognizer.train()
        planner, feed = self.warmup_shows if done < self.warmup_epochs else self.shows
        batches = planner.plan(rng)
        total, lines = torch.zeros((), device=self.device), 0
        with quick_recurrence(self.learner.recognizer):
            for at, batch in enumerate(batches):
                rate = self.phases.rate(self.recipe, done + at / len(batches))
                flatness = flatness_at(done * len(batches) + at, self.epochs * len(batches), self.recipe.flat_start)
                total += self._step(feed.show(batch), rate, flatness, rng)
                lines += len(batch.samples)
                if at % LOOK_EVERY == LOOK_EVERY - 1 or at == len(batches) - 1:
                    self._look_at(float(total), done, at)
        return float(total) / lines

    def _step(self, shown: Batch, rate: float, flatness: float, rng: np.random.Generator) -> Tensor:
        """One step; the summed loss of its lines, still on the device."""
        images, widths = augment(shown.images, shown.widths, self.recipe.augmentation, rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            goal, losses = line_losses(self.learner.recognizer, self.recipe, images, widths, shown, flatness)
        self.learner.learn(goal.mean(), rate)
        return losses.detach().sum()

    def _look_at(self, total: float, done: int, at: int) -> None:
        if not math.isfinite(total):
            rate = self.recipe.learning_rate
            raise TrainingFault("nan", f"loss is not finite in epoch {done + 1}, step {at + 1}, at learning rate {rate:g}")


LOOK_EVERY = 50
"""Steps between looks at the loss: each look waits for the device."""
