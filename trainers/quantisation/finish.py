"""The finish: a short training at a falling learning rate, with rounded weights for files with large steps.

    trained network -> final form, norms frozen -> epochs at a falling rate, for a large step with simulated rounding -> export

Decisions:
- It is a phase of its own after the training: once for all files whose precision changes nothing that one can see, and once for
  each precision with a large step, whose weights must be adapted to that step. A training may then have any length, and be
  continued from where it was before its finish.
- A training at a constant rate leaves its weights scattered around a minimum. The average of the weights removes most of that,
  and the falling rate what is left (`benchmarks/precision/README.md`).
- It starts from what would be exported: the averaged weights, where the recipe keeps an average. It keeps no average itself,
  because its rate falls to 0 along half a cosine.
- BatchNorm keeps the statistics that the file will have. Its scale and shift are trained, and so make up for the mean error of
  rounded weights; there is nothing to recalibrate afterwards.
- The weights themselves are returned, and not the rounded ones: the export takes its steps from them and rounds them alike.
- It is a function of the weights and the seed. If the process is killed, it is made again from the training's last checkpoint.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import cast

import numpy as np
import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.coded_precision import step_percent
from search_space.recognizer import Recognizer
from trainers.base.errors import TrainingFault
from trainers.batching.augment import augment
from trainers.batching.epoch_length import EpochLength
from trainers.batching.line_selection import plan_lines
from trainers.export.onnx_file import final
from trainers.quantisation.simulated_rounding import SimulatedRounding
from trainers.training.fast_gru import use_fast_gru
from trainers.training.job import TrainingJob
from trainers.training.losses import line_losses
from trainers.training.optimizer import RATE_FACTOR, computes_in_bf16, make_optimizer

FIRST_RATE = 0.2
"""Learning rate at the beginning of the finish, as a fraction of the recipe's."""


def finish(
    trained: Recognizer,
    job: TrainingJob,
    done: int,
    precision: str | None,
    on_epoch: Callable[[int, float], None] | None = None,
) -> Recognizer:
    """Trains a network for `job.recipe.finish_epochs` epochs at a falling learning rate.

    Args:
        trained: the network that would be exported; it is not changed.
        job: its training.
        done: epochs of the training; the finish continues with the lines that come next.
        precision: `coded` or `coded_N`, whose rounding is simulated; None simulates none.
        on_epoch: called after each epoch with its number, from 1, and the mean loss of a line.

    Returns:
        A network on the CPU in its final form and in eval mode, whose weights are to be stored in `precision`.

    Raises:
        TrainingFault: the loss is not finite ("nan").
    """
    with torch.random.fork_rng(devices=[job.device] if job.device.startswith("cuda") else []):
        finishing = _Finish(trained, job, precision)
        for epoch in range(job.recipe.finish_epochs):
            loss = finishing.epoch(epoch, done)
            if on_epoch is not None:
                on_epoch(epoch + 1, loss)
        return finishing.network.cpu().eval()


class _Finish:
    """A finish in progress."""

    def __init__(self, trained: Recognizer, job: TrainingJob, precision: str | None) -> None:
        self._job, self._device = job, torch.device(job.device)
        self._recipe = job.recipe.with_(batch_lines=job.recipe.lines_per_batch(len(job.data.training), job.device))
        self.network = cast(Recognizer, final(copy.deepcopy(trained).cpu().float()))
        self.network.requires_grad_(True)  # timm freezes parts of blocks whose branches it merges
        self.network.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._rounded: Callable[[], AbstractContextManager[None]] = (
            nullcontext if precision is None else SimulatedRounding(self.network, precision)
        )
        self._seeds = [job.seed, 0 if precision is None else step_percent(precision) or 0]
        self._optimizer = make_optimizer(self.network, self._recipe)
        self._planner, self._feed = plan_lines(
            job.data.training, job.data.charset, self.network, self._recipe, self._device, job.data.rendered_lines
        )
        self._length = EpochLength.of(self._recipe, len(job.data.training))

    def epoch(self, epoch: int, done: int) -> float:
        """Trains one epoch after `epoch` others of the finish and `done` of the training; returns the mean loss of a line."""
        rng = np.random.default_rng([*self._seeds, done, epoch])
        torch.manual_seed(int(rng.integers(2**62)))
        self.network.train()
        for module in self.network.modules():
            if isinstance(module, _BatchNorm):
                module.eval()
        batches = self._length.batches(self._planner, self._job.seed, done + epoch, rng)
        total, lines = torch.zeros((), device=self._device), 0
        is_bf16 = computes_in_bf16(self._recipe.precision, self._device)
        with use_fast_gru(self.network):
            for at, planned in enumerate(batches):
                batch = self._feed.collate(planned)
                images, widths = augment(batch.images, batch.widths, self._recipe.augmentation, rng)
                with self._rounded():
                    with torch.autocast(self._device.type, torch.bfloat16, enabled=is_bf16):
                        objective, losses = line_losses(self.network, self._recipe, images, widths, batch, 0.0)
                    self._optimizer.zero_grad(set_to_none=True)
                    torch.autograd.backward(objective.mean())
                self._step((epoch + at / len(batches)) / self._recipe.finish_epochs)
                total += losses.detach().sum()
                lines += len(planned.samples)
        if not math.isfinite(float(total)):
            raise TrainingFault("nan", f"loss is not finite in epoch {epoch + 1} of the finish")
        return float(total) / lines

    def _step(self, progress: float) -> None:
        """Changes the weights by their gradients, after this fraction of the finish."""
        if self._recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.network.parameters(), self._recipe.clip_norm)
        rate = FIRST_RATE * self._recipe.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))
        for group in self._optimizer.param_groups:
            group["lr"] = rate * group.get(RATE_FACTOR, 1.0)
        self._optimizer.step()
