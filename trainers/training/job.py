"""What a training is: the values that decide its result, as one frozen object."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from search_space.architecture import Architecture
from search_space.component_versions import component_versions
from trainers.base.recipe import Recipe
from trainers.batching.collate import DecodedLines
from trainers.data.charset import Charset


class TrainingData(Protocol):
    """The data of a training: `trainers.data.dataset.LineDataset`, or an object with the same attributes.

    Attributes:
        charset: the characters of all labels.
        training: lines to train on.
        validation: lines to validate on after each epoch.
        digest: identifies the data; equal data have equal digests.
        warmup: lines that the first epochs train on instead of `training`; None when there are none.
        rendered_lines: number of lines in `training` that are drawn; they come last.
    """

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
    @property
    def rendered_lines(self) -> int: ...


@dataclass(frozen=True)
class TrainingJob:
    """A training, described completely.

    Attributes:
        architecture: the network to train.
        data: decoded training and validation lines with their charset.
        recipe: how to train.
        epochs: number of epochs of the whole training, at least 1; a cosine schedule spans them.
        folder: folder of the checkpoint.
        seed: seed of the initial weights, the order of lines and the augmentation.
        device: "cpu", "cuda", "cuda:1" and so on.
    """

    architecture: Architecture
    data: TrainingData
    recipe: Recipe
    epochs: int
    folder: Path
    seed: int
    device: str = "cpu"

    @property
    def identity(self) -> str:
        """Text that is equal for two jobs exactly if one may resume the other's checkpoint; folder and device do not count.

        Neither does the number of epochs with a recipe that may end after any epoch. Two things depend on it there, and are
        settled once they have happened: where a short training is cut, which checkpoints hold (`trainers.pruning.phases`), and
        that a training of one epoch has no warm-up (`trainers.batching.line_selection`).
        """
        epochs = "any" if self.recipe.is_anytime else self.epochs
        versions = "".join(f" {field}-{version}" for field, version in component_versions(self.architecture).items())
        return f"{self.architecture.digest} {self.data.digest} {self.recipe.digest} {epochs} {self.seed}{versions}"
