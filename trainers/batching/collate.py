"""Makes the tensors of planned batches: lines are copied into one canvas, labels into one array.

Decisions:
- Grey images (most scans) keep one channel until augmentation draws colours, because all work on pixels then costs a third.
- Pixels are sent to the device as uint8. Padding is set to 0.0 there, because no uint8 value maps to 0.0.
- `Collator` serves a CPU, or a GPU that is too small for the data; otherwise see `trainers.batching.device_dataset`.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.base.preprocess import CANONICAL_MULTIPLE, EVEN_DEVIATION, LEAST_DEVIATION, Contrast
from trainers.batching.batch_planner import PlannedBatch, Sample, padded_labels


class DecodedLines(Protocol):
    """Decoded lines of one height: `trainers.data.dataset.LineArrays`, or an object with the same methods."""

    @property
    def widths(self) -> NDArray[np.integer]:
        """(N,) columns of each line."""
        ...

    @property
    def weights(self) -> NDArray[np.floating] | None:
        """(N,) how often each line is drawn in an epoch, relative to the mean, which is 1; None draws all equally."""
        ...

    @property
    def normaliser(self) -> str:
        """Name of the normaliser of the labels; readings go through it before they are compared with them."""
        ...

    def __len__(self) -> int: ...

    def text(self, i: int) -> str:
        """The label of line `i`."""
        ...

    def image(self, i: int) -> NDArray[np.uint8]:
        """(H, W, 3) image of line `i`."""
        ...

    def is_grey(self, i: int) -> bool:
        """Whether the three channels of line `i` are equal."""
        ...


@dataclass(frozen=True)
class Batch:
    """The tensors of a batch, before augmentation.

    Attributes:
        images: (N, C, H, W) float32 in [-1, 1], C 1 (grey) or 3; 0.0 right of each line's width.
        widths: (N,) int64 columns that hold the line.
        targets: (N, L) int64, charset index + 1, padded with 0.
        lengths: (N,) int64.
    """

    images: Tensor
    widths: Tensor
    targets: Tensor
    lengths: Tensor


@dataclass(frozen=True)
class Labels:
    """Labels by sample number.

    Attributes:
        indices: charset indices (+ 1) of each sample number.
    """

    indices: Sequence[Sequence[int]]

    def of(self, samples: Sequence[Sample]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The targets (N, L), padded with 0, and lengths (N,) of a batch; the labels of joined lines are joined."""
        return padded_labels([[symbol for i in sample for symbol in self.indices[i]] for sample in samples])


class BatchFeed(ABC):
    """Makes the tensors of planned batches.

    Args:
        lines: the decoded lines.
        labels: charset indices (+ 1) of each line.
        numbers: (M,) index in `lines` of each sample number that planned batches use.
        device: device of the tensors.
        contrast: how uint8 pixels become floats (`trainers.base.preprocess`).
    """

    def __init__(
        self,
        lines: DecodedLines,
        labels: Sequence[Sequence[int]],
        numbers: NDArray[np.integer],
        device: torch.device,
        contrast: Contrast = "plain",
    ) -> None:
        self._lines, self._numbers = lines, numbers
        self._labels = Labels([labels[int(i)] for i in numbers])
        self._device = device
        self._contrast: Contrast = contrast

    @abstractmethod
    def collate(self, batch: PlannedBatch) -> Batch:
        """Makes the tensors of a batch."""


class Collator(BatchFeed):
    """Copies the lines of each batch from memory to the device; the arguments are those of `BatchFeed`."""

    def collate(self, batch: PlannedBatch) -> Batch:
        """Makes the tensors of a batch."""
        samples = [[int(self._numbers[i]) for i in sample] for sample in batch.samples]
        images = [[self._lines.image(i) for i in sample] for sample in samples]
        channels = channel_count(self._lines, [i for sample in samples for i in sample])
        canvas = np.zeros((len(images), images[0][0].shape[0], batch.width_px, channels), dtype=np.uint8)
        widths = np.zeros(len(images), dtype=np.int64)
        for n, parts in enumerate(images):
            for part in parts:
                end = widths[n] + part.shape[1]
                canvas[n, :, widths[n] : end] = part[:, :, :channels]
                widths[n] = end
        targets, lengths = self._labels.of(batch.samples)
        there = torch.from_numpy(widths).to(self._device)
        return Batch(
            to_pixels(torch.from_numpy(canvas).to(self._device), there, self._contrast),
            there,
            torch.from_numpy(targets).to(self._device),
            torch.from_numpy(lengths).to(self._device),
        )


def channel_count(lines: DecodedLines, numbers: Iterable[int]) -> int:
    """Channels that hold the lines with these indices: 1 if all of them are grey, else 3."""
    return 1 if all(lines.is_grey(int(i)) for i in numbers) else 3


def to_pixels(canvas: Tensor, widths: Tensor, contrast: Contrast = "plain") -> Tensor:
    """Converts uint8 pixels to floats.

    Args:
        canvas: (N, H, W, C) uint8.
        widths: (N,) columns of each image that hold its line.
        contrast: "plain" scales pixels to [-1, 1]; "even" also normalises each line's mean and contrast.

    Returns:
        (N, C, H, W) float32 in the channels-last memory format, in [-1, 1], with 0.0 right of each width.
    """
    within = inside(widths, canvas.shape[2])[:, None, None, :]
    pixels = canvas.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).mul_(within)
    if contrast == "plain":
        return pixels
    count = (widths * canvas.shape[1]).clamp(min=1).float()[:, None, None, None]
    pixels = pixels.sub_(pixels.sum(dim=(2, 3), keepdim=True) / count).mul_(within)
    deviation = (pixels.square().sum(dim=(1, 2, 3), keepdim=True) / (count * canvas.shape[3])).sqrt()
    return pixels.mul_(EVEN_DEVIATION / (deviation + LEAST_DEVIATION)).clamp_(-1.0, 1.0)


def inside(widths: Tensor, width_px: int) -> Tensor:
    """(N,) widths -> (N, width_px) float32, 1 where a column holds its line and 0 in the padding."""
    return (torch.arange(width_px, device=widths.device) < widths[:, None]).float()


def step_counts(widths: Tensor, time_stride: int, width_px: int) -> Tensor:
    """Time steps of each line at its canonical width, which is what the reader pads it to.

    Args:
        widths: (N,) columns of each line.
        time_stride: image columns per time step.
        width_px: columns of the batch.

    Returns:
        (N,) int64.
    """
    multiple = math.lcm(CANONICAL_MULTIPLE, time_stride)
    canonical = (widths + (multiple - 1)).div(multiple, rounding_mode="floor").mul(multiple)
    return canonical.clamp(max=width_px).div(time_stride, rounding_mode="floor")
