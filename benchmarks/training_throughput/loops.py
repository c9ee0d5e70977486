"""The two loops as they take turns: an epoch at a time, each with its own checkpoint, threads and decoded lines."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import torch

from benchmarks.training_throughput.plain import PlainLoop
from search_space import Architecture
from trainers.base.preprocess import canonical_width
from trainers.base.recipe import Recipe
from trainers.data.dataset import LineDataset, prepare
from trainers.data.spec import DataSpec
from trainers.evaluation.metrics import Score
from trainers.evaluation.validation import validate
from trainers.training.job import TrainingJob
from trainers.training.loop import TrainingResult, train
from trainers.training.threads import fastest_thread_count


@dataclass(frozen=True)
class Task:
    """What both loops do.

    Attributes:
        architecture, recipe, epochs, device: how to train what, where.
        out: `training` and `validation` files; room for our cache and for checkpoints.
        most_threads: a loop may use.
    """

    architecture: Architecture
    recipe: Recipe
    epochs: int
    device: str
    out: Path
    most_threads: int

    @property
    def spec(self) -> DataSpec:
        """The lines, as our loop names them."""
        return DataSpec(
            training=str(self.out / "training"),
            validation=str(self.out / "validation"),
            height_px=self.architecture.height_px,
        )

    @cached_property
    def prepared(self) -> LineDataset:
        """The lines, decoded where their decoding is not measured."""
        return prepare(self.spec, self.out / "cache")

    @property
    def widest_px(self) -> int:
        """Columns that hold any line."""
        return canonical_width(int(max(self.prepared.training.widths.max(), self.prepared.validation.widths.max())))

    @property
    def gpu(self) -> int | None:
        """Its number, where there is one to watch."""
        return None if self.device == "cpu" else torch.device(self.device).index or 0

    def fastest_thread_count(self) -> dict[str, int]:
        """How many make a step of each loop quickest on the CPU; a GPU's steps need one."""
        mean_px = canonical_width(int(self.prepared.training.widths.mean()))
        if self.device != "cpu":
            return {"plain": 1, "ours": 1}
        symbols, lines = len(self.prepared.charset), self.recipe.batch_lines
        return {
            name: fastest_thread_count(self.architecture, symbols, lines, width_px, self.most_threads, quick)
            for name, width_px, quick in (("plain", self.widest_px, False), ("ours", mean_px, True))
        }


class OurLoop:
    """Our loop: each epoch is a training that resumes from its checkpoint and pauses after one epoch."""

    def __init__(self, task: Task, threads: int) -> None:
        self._task, self._threads = task, threads
        self._result: Any = None

    def epoch(self, number: int) -> None:
        """Decodes before the first one, into an empty cache."""
        torch.set_num_threads(self._threads)
        task = self._task
        prepared = prepare(task.spec, task.out / "our_cache", processes=task.most_threads)
        folder = task.out / "trial"
        self._result = train(
            TrainingJob(task.architecture, prepared, task.recipe, task.epochs, folder, 0, task.device),
            lambda _: True,
            number + 1,
        )

    def save(self, number: int) -> None:
        """Done by the training itself."""

    def end(self) -> None:
        """Nothing is left running."""

    def score(self) -> dict[str, float]:
        """Of all validation lines."""
        if not isinstance(self._result, TrainingResult):
            self.epoch(self._task.epochs - 1)  # through since an earlier run: only read from its checkpoint
        lines, charset = self._task.prepared.validation, self._task.prepared.charset
        return _as_dict(validate(self._result.recognizer, lines, charset.symbols))


class PlainTurns:
    """The plain loop, and its checkpoint."""

    def __init__(self, task: Task, threads: int) -> None:
        self._task, self._threads, self._file = task, threads, task.out / "plain.pt"
        self._loop = PlainLoop(task.architecture, task.widest_px, task.prepared.charset, task.recipe, task.device)
        if self._file.exists():
            self._loop.load_state_dict(torch.load(self._file, weights_only=True))
        self._loop.open(task.out / "training", task.most_threads)

    def epoch(self, number: int) -> None:
        """One pass over the files."""
        torch.set_num_threads(self._threads)
        self._loop.epoch(number, self._task.epochs)

    def save(self, number: int) -> None:
        """Outside of what is measured."""
        torch.save(self._loop.state_dict(), self._file)

    def end(self) -> None:
        """Ends the processes that decode."""
        self._loop.close()

    def score(self) -> dict[str, float]:
        """Of all validation lines, padded as in training."""
        return _as_dict(self._loop.read(self._task.out / "validation"))


def _as_dict(score: Score) -> dict[str, float]:
    return {"accuracy": score.accuracy, "cer": score.cer}
