"""Trains the starter weights of one family of backbones; the same command resumes a training that was stopped.

    python -m benchmarks.starter.train --out OUT --family mobilenetv3_small [--passes 4] [--sandwich]

Decisions:
- A step trains one network of a random width, neck, encoder and attention: with the few passes over the lines that a CPU
  affords, more steps are worth more than a second network in each of them.
- `--sandwich` trains a network of full width and a narrower one with the same components on the same lines (the two ends of the
  sandwich rule); the narrower one learns the labels and the wider one's outputs.
- The first steps show short lines of ASCII characters only. With 1,324 characters and lines of up to 25, a network writes
  blanks alone for thousands of steps; with these it begins to read after some 300 (after 20,000 lines of all kinds the CER of
  one network of 50 % was 1.0, after 10,000 short lines 0.8), and learns the other characters from there.
- The first part trains the main network of full width only, the second one the main combination at all widths (progressive
  shrinking: Cai et al., Once for All, 2020, arXiv:1908.09791). When all networks begin together, none of them begins to read:
  after 1,500 steps on short lines each had the loss of characters drawn by their frequency, 19 a line; one network alone had 8
  after 500 steps.
- Each batch is stretched or narrowed at random: letters on signs are often narrower than those of most fonts. It is also cut at
  the top and at the bottom, or gets more room there.
- A family may begin with another one's packed weights: it takes over encoders and heads, and its backbone is new.
- The steps are counted up to `--passes`; a training that is started again with more passes continues at the full rate.
- Only the main combination's networks are validated: at each width, with BatchNorm statistics from training lines.
- After each part of a pass the state is saved, with the random choices of every part drawn from (seed, part).
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.starter.crops import cropped_otherwise
from benchmarks.starter.elastic import Choices, Family, Member
from search_space import Architecture
from search_space.recognizer import Recognizer
from trainers.base.atomic_write import atomic_write
from trainers.base.recipe import Recipe, find_recipe
from trainers.batching.augment import augment
from trainers.batching.collate import Batch, DecodedLines, step_counts
from trainers.batching.line_selection import plan_lines
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.validation import validate
from trainers.inherit.family_file import WeightsFamily, decode_family
from trainers.pruning.evaluation_sample import LineSubset
from trainers.pruning.recalibrate import recalibrate
from trainers.training.ema import WeightAverage
from trainers.training.freed_memory import keep_freed_memory
from trainers.training.losses import captured_logits, line_losses

ENCODERS, ATTENTIONS = ("svtr", "gru", "none"), ("squeeze_excite", "coordinate", "eca")
CHOICES = {
    "mobilenetv3_small": Choices((100, 75, 50, 25, 15), ("fpn_a", "none"), ENCODERS, ATTENTIONS),
    "mobilenetv3_large": Choices((50, 25, 15), ("fpn_a", "none"), ENCODERS, ATTENTIONS),
    "lcnet": Choices((50, 25, 15), ("none",), ENCODERS, ATTENTIONS),
}
"""Of the two larger families the half is trained, and of LCNet no neck: more would not have room in the package."""
WIDTH_SHARES = {5: (0.25, 0.15, 0.25, 0.2, 0.15), 3: (0.4, 0.35, 0.25)}
"""Fraction of the steps that train each width, for each number of widths."""
FAMILIES = {
    name: Architecture(backbone=name, neck=choices.necks[0], encoder_hidden=96, encoder_layers=2)
    for name, choices in CHOICES.items()
}
RECIPE = find_recipe("anytime").with_(batch_lines=24, learning_rate=4e-3)
"""A lower rate than for one network: the gradients of five widths and 18 combinations meet in the same weights."""
FLAT_START_STEPS = 500
SHORT_PARTS, SHORT_CHARACTERS = 6, 7
"""Parts at the beginning that show short ASCII lines only, and how long these may be."""
DISTILLED = 0.5
"""Fraction of a narrower network's objective that compares it with the wider one, not with the labels."""
PART_STEPS = 500
WARMUP_STEPS = 200
DECAY_SHARE = 0.2
"""Fraction of the training over which the rate falls to 0 at its end."""
VALIDATION_LINES = 500
RECALIBRATION_LINES = 1000


WIDEST_PARTS, MAIN_PARTS = 1, 2
"""Parts at the beginning that train the network of full width only, and the main combination only."""


class Weights(nn.Module):
    """All shared tensors as one module, so that they can be averaged and saved."""

    def __init__(self, family: Family) -> None:
        super().__init__()
        self.tensors = nn.ParameterList(family.parameters())


def objective(
    network: Recognizer, recipe: Recipe, images: Tensor, widths: Tensor, batch: Batch, flat: float
) -> tuple[Tensor, Tensor]:
    """Loss of each line, (N,), and the logits, (N, T, V)."""
    with captured_logits(network.head) as logits:
        losses, _ = line_losses(network, recipe, images, widths, batch, flat)
    return losses, logits[0]


def difference(logits: Tensor, wider: Tensor, steps: Tensor) -> Tensor:
    """Kullback-Leibler divergence from the wider network's outputs, summed over the time steps of each line, (N,)."""
    inside = torch.arange(logits.shape[1]) < steps[:, None]
    each = F.kl_div(logits.log_softmax(2), wider.detach().log_softmax(2), log_target=True, reduction="none").sum(2)
    return (each * inside).sum(1)


def short_lines(lines: DecodedLines) -> LineSubset:
    """Those with few characters, all of them ASCII."""
    texts = (lines.text(i) for i in range(len(lines)))
    return LineSubset(lines, [i for i, text in enumerate(texts) if text.isascii() and len(text) <= SHORT_CHARACTERS])


class StarterTraining:
    """The training of one family.

    Args:
        name: of the family.
        lines: to train on.
        steps: in all.
        seed: of weights and of every choice.
        sandwich: whether each step trains two networks.
        begin: weights of an earlier training, as `benchmarks.starter.pack` packed them, of this family or of another. With
            those of this family, the parts at the beginning are left out, which teach the first characters.
    """

    def __init__(
        self,
        name: str,
        lines: LineDataset,
        steps: int,
        seed: int = 0,
        sandwich: bool = False,
        begin: WeightsFamily | None = None,
    ) -> None:
        self.lines, self.steps, self.seed, self.sandwich = lines, steps, seed, sandwich
        self.choices = CHOICES[name]
        self.part = SHORT_PARTS if begin is not None and begin.networks[0].architecture.backbone == name else 0
        self.first_step = self.part * PART_STEPS
        self.charset, self.combinations = tuple(lines.charset.symbols), list(self.choices.combinations())
        self.family = Family(FAMILIES[name], self.choices, self.charset, seed)
        if begin is not None:
            self.family.begin(begin)
        main = next(iter(self.family.networks().values()))
        self.weights = Weights(self.family)
        parameters = list(self.weights.tensors)
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "weight_decay": RECIPE.weight_decay},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self.optimizer = torch.optim.AdamW(groups, lr=RECIPE.learning_rate, fused=True)
        self.average = WeightAverage(self.weights, 0.999)
        self.feeds = [
            plan_lines(shown, lines.charset, main, RECIPE, torch.device("cpu"))
            for shown in (short_lines(lines.training), lines.training)
        ]

    def train_part(self) -> float:
        """`PART_STEPS` steps; the mean loss of a line, with `sandwich` that of the networks of full width."""
        rng = np.random.default_rng([self.seed, self.part])
        torch.manual_seed(int(rng.integers(2**62)))
        planner, feed = self.feeds[self.part >= SHORT_PARTS]
        per_pass = max(1, len(planner.plan(np.random.default_rng(0))) // PART_STEPS)
        number, place = divmod(self.part, per_pass)
        whole = planner.plan(np.random.default_rng([self.seed, number, 1]))
        batches = whole[place * PART_STEPS : (place + 1) * PART_STEPS]
        total, count = 0.0, 0
        for at, batch in enumerate(batches):
            losses = self.train_step(feed.collate(batch), self.part * PART_STEPS + at, rng)
            total, count = total + float(losses.sum()), count + len(losses)
        self.part += 1
        return total / count

    def train_step(self, batch: Batch, step: int, rng: np.random.Generator) -> Tensor:
        """One step of one network, or of a wide and a narrow one; the losses of the first one's lines."""
        batch = cropped_otherwise(batch, rng)
        images, widths = augment(batch.images, batch.widths, RECIPE.augmentation, rng)
        images = images.contiguous(memory_format=torch.channels_last)  # takes two thirds of the time on a CPU
        flat = max(0.0, 1 - step / FLAT_START_STEPS)
        combination = self.combinations[int(rng.integers(len(self.combinations))) if self.part >= MAIN_PARTS else 0]
        alone = self.sandwich or self.part < WIDEST_PARTS
        widest, *narrower = self.choices.widths
        width = widest if alone else int(rng.choice(self.choices.widths, p=WIDTH_SHARES[1 + len(narrower)]))
        first = self.family.member(width, **combination)
        self.optimizer.zero_grad(set_to_none=True)
        losses, outputs = _trained(first, images, widths, batch, flat)
        losses.mean().backward()
        if self.sandwich:
            narrow = self.family.member(int(rng.choice(narrower)), **combination)
            narrow_losses, narrow_outputs = _trained(narrow, images, widths, batch, flat)
            steps = step_counts(widths, first.network.architecture.time_stride, images.shape[3])
            distilled = difference(narrow_outputs, outputs, steps)
            ((1 - DISTILLED) * narrow_losses + DISTILLED * distilled).mean().backward()
        nn.utils.clip_grad_norm_(self.weights.parameters(), RECIPE.clip_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = self.rate_at(step)
        self.optimizer.step()
        self.average.update()
        return losses.detach()

    def rate_at(self, step: int) -> float:
        """Warm-up over `WARMUP_STEPS`, then constant, then falling to 0 over the last fifth."""
        left = (self.steps - step) / (DECAY_SHARE * self.steps)
        return RECIPE.learning_rate * min(1.0, (step - self.first_step + 1) / WARMUP_STEPS, max(left, 0.0))

    def read(self) -> dict[str, float]:
        """CER of the main combination on validation lines, by width, with averaged weights."""
        kept = [tensor.detach().clone() for tensor in self.weights.tensors]
        self.average.copy_to(self.weights)
        found = {}
        main = self.combinations[0]
        for width in self.choices.widths:
            network = self.family.member(width, **main).detached()
            recalibrate(network, self.lines.training, RECALIBRATION_LINES)
            score = validate(network, self.lines.validation, self.charset, VALIDATION_LINES)
            found[f"cer_{width}"], found[f"accuracy_{width}"] = round(score.cer, 4), round(score.accuracy, 4)
            network.train()
        with torch.no_grad():
            for tensor, value in zip(self.weights.tensors, kept, strict=True):
                tensor.copy_(value)
        return found

    def state(self) -> dict[str, Any]:
        """For `restore`."""
        tensors = {"weights": self.weights.state_dict(), "optimizer": self.optimizer.state_dict()}
        numbers = {"part": self.part, "steps": self.steps, "first_step": self.first_step}
        return {**tensors, "average": self.average.state_dict(), **numbers}

    def restore(self, state: dict[str, Any]) -> None:
        """Continues from a state."""
        self.weights.load_state_dict(state["weights"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.average.load_state_dict(state["average"])
        self.part, self.first_step = state["part"], state["first_step"]


def _trained(member: Member, images: Tensor, widths: Tensor, batch: Batch, flat: float) -> tuple[Tensor, Tensor]:
    member.train()
    found: tuple[Tensor, Tensor] = member.call(objective, RECIPE, images, widths, batch, flat)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--family", choices=list(FAMILIES), default="mobilenetv3_small")
    parser.add_argument("--passes", type=float, default=4.0, help="how often each line is shown")
    parser.add_argument(
        "--sandwich", action="store_true", help="two networks a step, the narrower one learns from the wider one"
    )
    parser.add_argument("--begin", type=Path, help="packed weights (.family) of an earlier training to continue")
    parser.add_argument("--threads", type=int, default=1)
    asked = parser.parse_args()
    keep_freed_memory()
    torch.set_num_threads(asked.threads)
    training, validation, charset = (str(asked.out / name) for name in ("lines", "validation", "charset.txt"))
    lines = prepare(DataSpec(training=training, validation=validation, charset=charset), asked.out / "cache")
    steps = round(asked.passes * len(lines.training) / RECIPE.batch_lines)
    begin = None if asked.begin is None else decode_family(asked.begin.read_bytes(), str(asked.begin))
    started = StarterTraining(asked.family, lines, steps, sandwich=asked.sandwich, begin=begin)
    file, log = asked.out / f"{asked.family}.pt", asked.out / f"{asked.family}.jsonl"
    if file.exists():
        started.restore(torch.load(file, weights_only=True))
    while started.part * PART_STEPS < steps:
        began = time.process_time()
        loss = started.train_part()
        row: dict[str, Any] = {
            "step": started.part * PART_STEPS,
            "loss": round(loss, 3),
            "seconds": round(time.process_time() - began, 1),
        }
        if started.part % 4 == 0 or started.part * PART_STEPS >= steps:
            row |= started.read()
        with atomic_write(file) as unfinished:
            torch.save(started.state(), unfinished)
        with log.open("a", encoding="utf-8") as written:
            written.write(json.dumps(row) + "\n")
        print(time.strftime("%H:%M"), row, flush=True)


if __name__ == "__main__":
    main()
