"""The training loop: after each epoch it validates the network and writes a checkpoint.

Decisions:
- Every random choice of an epoch is drawn from (seed, epoch). A resumed training therefore needs no stored generator state, and
  on the CPU it ends with the same weights as one that was never interrupted.
- The loss is summed on the device and read once every `LOSS_CHECK_INTERVAL` steps, because each read waits for the device.
- A training that prunes does so once, between two epochs (`trainers.pruning.phases`); the count of epochs continues.
- The first fault is answered by a retry from the last checkpoint with half the batch size or half the learning rate
  (`FAULT_ADJUSTMENTS`). The second fault fails the training.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from search_space.recognizer import Recognizer
from trainers.base.errors import TrainingFault, UserError, is_out_of_memory, one_line
from trainers.base.lineage import Lineage
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.batching.augment import augment
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import Batch, BatchFeed, DecodedLines
from trainers.batching.epoch_length import EpochLength
from trainers.batching.line_selection import plan_lines, warmup_epochs
from trainers.evaluation.validation import validate
from trainers.pruning.phases import Phases
from trainers.training.checkpoint import load_checkpoint, save_checkpoint
from trainers.training.fast_gru import use_fast_gru
from trainers.training.flat_start import flat_start_weight_at
from trainers.training.job import TrainingJob
from trainers.training.learner import Learner
from trainers.training.losses import line_losses
from trainers.training.optimizer import computes_in_bf16
from trainers.training.pretrained import load_pretrained

LOSS_CHECK_INTERVAL = 50
"""Steps between checks that the loss is finite. Each check waits for the device, so they must be rare."""

FAULT_ADJUSTMENTS: dict[str, Callable[[Recipe], dict[str, float]]] = {
    "nan": lambda recipe: {"learning_rate": recipe.learning_rate / 2},
    "oom": lambda recipe: {"batch_lines": max(1, recipe.batch_lines // 2)},
}
"""Kind of fault to the changes of the recipe with which the training is retried once."""


@dataclass(frozen=True)
class TrainingResult:
    """The result of a finished training.

    Attributes:
        recognizer: the network in eval mode, on the CPU, with the averaged weights where the recipe keeps an average.
        history: reports of all epochs, oldest first.
        lineage: what the network inherited when the training began; None if it began with random weights.
        adjustments: changes of the recipe with which it went on after a fault; empty without one.
    """

    recognizer: Recognizer
    history: tuple[EpochReport, ...]
    lineage: Lineage | None = None
    adjustments: Mapping[str, float] = field(default_factory=dict)


def train(
    job: TrainingJob,
    report: Report,
    until_epoch: int | None = None,
    on_resume: Report | None = None,
    begin: Callable[[Recognizer], object] | None = None,
) -> TrainingResult | Paused:
    """Trains a recogniser, or resumes its training from the checkpoint in the job's folder.

    A checkpoint of another training is ignored and replaced; so is a damaged one, which the next report notes.

    Args:
        job: what to train.
        report: called with the report of each epoch; if it returns False, the training pauses, unless the epoch was the last.
        until_epoch: the training pauses after this epoch, unless it is the last; None trains to the end.
        on_resume: called with the last report of the checkpoint that the training resumes from, if there is one; if it returns
            False, the training pauses before the next epoch.
        begin: changes the initial weights of the new network, which is on the job's device, for example `inherit`. It is not
            called when the training resumes from a checkpoint. If it returns a `Lineage`, checkpoints, the result and the first
            report of each process have it.

    Returns:
        The result, or `Paused` when there are epochs left.

    Raises:
        UserError: there are fewer than one epoch, or no training line fits the architecture's time steps.
        TrainingFault: the loss was not finite ("nan") or memory ran out ("oom"), twice.
    """
    if job.epochs < 1:
        raise UserError(f"epochs must be at least 1, not {job.epochs}")
    recipe = job.recipe.with_(batch_lines=job.recipe.lines_per_batch(len(job.data.training), job.device))
    adjustments: dict[str, float] = {}
    for last_try in (False, True):
        notes: list[str] = []
        checkpoint = load_checkpoint(job.folder, job.identity, notes.append)
        if checkpoint and not last_try:  # the last try has those that the fault asked for, which the checkpoint lacks
            adjustments = checkpoint["eased"]
        try:
            with torch.random.fork_rng(devices=[job.device] if job.device.startswith("cuda") else []):
                training = _Training(job, recipe, adjustments)
                training.note = "".join(f"{note}; it trains from its beginning" for note in notes)
                if checkpoint:
                    training.restore(checkpoint)
                    last = training.history[-1]
                    if on_resume is not None and not on_resume(training.said(last)) and last.epoch < job.epochs:
                        return Paused(tuple(training.history), stopped=True)
                else:
                    training.begin(begin)
                return training.run(report, until_epoch)
        except TrainingFault as fault:
            if adjustments or last_try or fault.kind not in FAULT_ADJUSTMENTS:
                raise
            adjustments = FAULT_ADJUSTMENTS[fault.kind](recipe)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            if adjustments or last_try:
                batch_lines = recipe.with_(**adjustments).batch_lines
                raise TrainingFault("oom", f"out of memory with {batch_lines} lines a batch: {one_line(error)}") from error
            adjustments = FAULT_ADJUSTMENTS["oom"](recipe)
    raise AssertionError("the last try returns or raises")


def load_result(job: TrainingJob) -> TrainingResult:
    """The network of a training that has paused, as its checkpoint holds it.

    Raises:
        TrainingFault: there is no checkpoint of this training, or its network is still to be pruned ("export").
    """
    checkpoint = load_checkpoint(job.folder, job.identity)
    if checkpoint is None:
        raise TrainingFault("export", f"{job.folder} holds no checkpoint of this training")
    recipe = job.recipe.with_(**checkpoint["eased"])
    learner = Learner(job.architecture, len(job.data.charset), recipe, job.seed, torch.device(job.device))
    learner.restore(checkpoint)
    if job.architecture.prune_percent and learner.pruning_mask is None:
        raise TrainingFault("export", "the network is still to be pruned")
    history = tuple(EpochReport.from_dict(report) for report in checkpoint["history"])
    return TrainingResult(learner.evaluation_network().cpu().eval(), history, _lineage(checkpoint), checkpoint["eased"])


def _lineage(checkpoint: dict[str, Any]) -> Lineage | None:
    """What the network of a checkpoint inherited; those of earlier versions, and of random beginnings, do not say."""
    found = checkpoint.get("lineage")
    return None if found is None else Lineage.from_dict(found)


class _Training:
    """One training in progress.

    Args:
        job: what to train.
        recipe: the job's recipe with its batch size resolved.
        adjustments: changes of the recipe after a fault; empty without one.

    Attributes:
        note: what the next report says besides its numbers.
        lineage: what the network inherited; None if it began with random weights.
    """

    def __init__(self, job: TrainingJob, recipe: Recipe, adjustments: dict[str, float]) -> None:
        self.job, self.recipe, self.adjustments = job, recipe.with_(**adjustments), adjustments
        self.data, self.device = job.data, torch.device(job.device)
        self.bf16 = computes_in_bf16(self.recipe.precision, self.device)
        self.history: list[EpochReport] = []
        self.note = ""
        self.lineage: Lineage | None = None
        self._lineage_said = False
        self.learner = Learner(job.architecture, len(job.data.charset), self.recipe, job.seed, self.device)
        self.phases = Phases.of(self.recipe, job.epochs, job.architecture.prune_percent)
        self.feed = self._plan(job.data.training, job.data.rendered_lines)
        self.length = EpochLength.of(self.recipe, len(job.data.training))
        self.warmup_feed, self.warmup_length, self.warmup_epochs = self.feed, self.length, 0
        if job.data.warmup is not None:
            self.warmup_epochs = warmup_epochs(job.epochs, self.recipe.is_anytime)
            self.warmup_feed = self._plan(job.data.warmup, len(job.data.warmup))
            self.warmup_length = EpochLength.of(self.recipe, len(job.data.warmup))

    def _plan(self, lines: DecodedLines, drawn: int) -> tuple[BatchPlanner, BatchFeed]:
        recipe = self.recipe if drawn < len(lines) else self.recipe.with_(drawn_share=None)  # a warm-up has no other lines
        return plan_lines(lines, self.data.charset, self.learner.recognizer, recipe, self.device, drawn)

    def begin(self, change: Callable[[Recognizer], object] | None) -> None:
        """Sets the weights that a new training begins with: pretrained ones where the recipe asks for them, then `change`."""
        if self.job.architecture.prune_percent:
            self.learner.check_prune_target()  # not after the epochs up to the cut
        if self.recipe.pretrained:
            load_pretrained(self.learner.recognizer, self.recipe.pretrained)
        if change is not None:
            found = change(self.learner.recognizer)
            self.lineage = found if isinstance(found, Lineage) else None

    def said(self, report: EpochReport) -> EpochReport:
        """A report as it is sent: with the note and, the first time, with the lineage."""
        sent = replace(report, note=self.note, lineage=None if self._lineage_said else self.lineage)
        self.note, self._lineage_said = "", True
        return sent

    def restore(self, state: dict[str, Any]) -> None:
        """Sets the training to the state of a checkpoint."""
        self.learner.restore(state)
        self.history = [EpochReport.from_dict(report) for report in state["history"]]
        self.lineage = _lineage(state)
        if self.learner.pruning_mask is not None:
            planned = Phases.of(self.recipe, self.history[0].epochs, self.job.architecture.prune_percent)
            self.phases = replace(self.phases, cut_after=state.get("cut_after", planned.cut_after))  # earlier versions lack it

    def state(self) -> dict[str, Any]:
        """The state for a checkpoint; "eased" keeps its name, so that older checkpoints can be resumed."""
        state = {**self.learner.state(), "history": [report.as_dict() for report in self.history], "eased": self.adjustments}
        if self.learner.pruning_mask is not None:
            state["cut_after"] = self.phases.cut_after
        return state if self.lineage is None else {**state, "lineage": self.lineage.as_dict()}

    def run(self, report: Report, until_epoch: int | None) -> TrainingResult | Paused:
        """Trains from the next epoch to the end or to a pause."""
        epochs = self.job.epochs
        last = epochs if until_epoch is None else min(until_epoch, epochs)
        while len(self.history) < last:
            self._prune_if_due()
            self.history.append(self._epoch(len(self.history)))
            self._check_weights()
            save_checkpoint(self.job.folder, self.job.identity, self.state())
            if not report(self.said(self.history[-1])) and len(self.history) < epochs:
                return Paused(tuple(self.history), stopped=True)
        if len(self.history) < epochs:
            return Paused(tuple(self.history), stopped=False)
        self._prune_if_due()
        network = self.learner.evaluation_network().cpu().eval()
        return TrainingResult(network, tuple(self.history), self.lineage, self.adjustments)

    def _prune_if_due(self) -> None:
        """Prunes the network once, after the first phase."""
        if self.learner.pruning_mask is None and self.phases.is_cut_due(len(self.history)):
            from trainers.pruning.evaluation_sample import EvaluationSample

            symbols = self.data.charset.symbols
            self.learner.prune(EvaluationSample(self.data.training, symbols, counts_characters=True))
            self.phases = replace(self.phases, cut_after=len(self.history))

    def _epoch(self, done: int) -> EpochReport:
        """Trains one epoch after `done` others, and validates the network."""
        started = time.perf_counter()
        loss = self._train_epoch(done)
        network, charset = self.learner.evaluation_network(), self.data.charset
        score = validate(network, self.data.validation, charset.symbols, self.recipe.validation_lines)
        seconds = time.perf_counter() - started
        return EpochReport(done + 1, self.job.epochs, loss, score.accuracy, score.cer, seconds)

    def _train_epoch(self, done: int) -> float:
        """Runs all steps of an epoch after `done` others, and returns the mean loss of a line."""
        rng = np.random.default_rng([self.job.seed, done])
        torch.manual_seed(int(rng.integers(2**62)))
        self.learner.recognizer.train()
        is_warmup = done < self.warmup_epochs
        (planner, feed), length = (self.warmup_feed, self.warmup_length) if is_warmup else (self.feed, self.length)
        batches = length.batches(planner, self.job.seed, done, rng)
        steps = self.job.epochs * len(batches)
        total, lines = torch.zeros((), device=self.device), 0
        with use_fast_gru(self.learner.recognizer):
            for at, batch in enumerate(batches):
                learning_rate = self.phases.rate(self.recipe, done + at / len(batches))
                flat_start_weight = flat_start_weight_at(done * len(batches) + at, steps, self.recipe)
                total += self._step(feed.collate(batch), learning_rate, flat_start_weight, rng)
                lines += len(batch.samples)
                if at % LOSS_CHECK_INTERVAL == LOSS_CHECK_INTERVAL - 1 or at == len(batches) - 1:
                    self._check_loss(float(total), done, at)
        return float(total) / lines

    def _step(self, batch: Batch, learning_rate: float, flat_start_weight: float, rng: np.random.Generator) -> Tensor:
        """Runs one optimizer step, and returns the summed loss of its lines, still on the device."""
        images, widths = augment(batch.images, batch.widths, self.recipe.augmentation, rng)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            objective, losses = line_losses(self.learner.recognizer, self.recipe, images, widths, batch, flat_start_weight)
        self.learner.step(objective.mean(), learning_rate)
        return losses.detach().sum()

    def _check_weights(self) -> None:
        """Keeps what the last step may have broken out of the checkpoint, which training goes on from after a fault."""
        tensors = [value for value in self.learner.recognizer.state_dict().values() if value.is_floating_point()]
        if not all(bool(torch.isfinite(value).all()) for value in tensors):
            rate = self.recipe.learning_rate
            raise TrainingFault("nan", f"a weight is not finite after epoch {len(self.history)}, at learning rate {rate:g}")

    def _check_loss(self, total: float, done: int, at: int) -> None:
        if not math.isfinite(total):
            rate = self.recipe.learning_rate
            raise TrainingFault("nan", f"loss is not finite in epoch {done + 1}, step {at + 1}, at learning rate {rate:g}")
