"""From planned batches to tensors: lines are copied into one canvas, labels into one array.

Decisions:
- Grey images (most scans) stay one channel until the colours are drawn: what is done to pixels costs a third.
- Pixels stay uint8 until they are on the device; padding is set to 0.0 afterwards, where no uint8 stands for it.
- This is how batches reach a CPU, or a GPU that is too small for the data; else see `trainers.batching.device_dataset`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.base.preprocess import CANONICAL_MULTIPLE, EVEN_DEVIATION, LEAST_DEVIATION, Contrast
from trainers.batching.batch_planner import PlannedBatch, Sample, padded_labels


class DecodedLines(Protocol):
    """Decoded lines of one height: `trainers.data.dataset.LineArrays`, or anything like it."""

    @property
    def widths(self) -> NDArray[np.integer]:
        """(N,) columns of each line."""
        ...

    @property
    def weights(self) -> NDArray[np.floating] | None:
        """(N,) how often each line is shown, mean 1; None shows all alike."""
        ...

    def __len__(self) -> int: ...

    def text(self, i: int) -> str: ...

    def image(self, i: int) -> NDArray[np.uint8]:
        """(H, W, 3)."""
        ...

    def is_grey(self, i: int) -> bool:
        """Whether the three channels are equal."""
        ...


@dataclass(frozen=True)
class Batch:
    """A batch as the network sees it, but for augmentation.

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
    """Labels by the numbers that batches speak of."""

    indices: Sequence[Sequence[int]]

    def of(self, samples: Sequence[Sample]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Targets (N, L), padded with 0, and lengths (N,) of a batch; joined lines have joined labels."""
        return padded_labels([[symbol for i in sample for symbol in self.indices[i]] for sample in samples])


class Collator:
    """Copies lines into batches.

    Args:
        lines: the decoded lines.
        labels: charset indices (+ 1) of each line.
        numbers: (M,) line of each number that batches speak of.
        device: where batches go.
        contrast: how pixels become numbers (`trainers.base.preprocess`).
    """

    def __init__(
        self,
        lines: DecodedLines,
        labels: Sequence[Sequence[int]],
        numbers: NDArray[np.integer],
        device: torch.device,
        contrast: Contrast = "plain",
    ) -> None:
        self._contrast: Contrast = contrast
        self._lines = lines
        self._labels = Labels([labels[int(i)] for i in numbers])
        self._numbers = numbers
        self._device = device
        self._height = lines.image(0).shape[0]

    def show(self, batch: PlannedBatch) -> Batch:
        """The tensors of a batch."""
        samples = [[int(self._numbers[i]) for i in sample] for sample in batch.samples]
        images = [[self._lines.image(i) for i in sample] for sample in samples]
        channels = 1 if all(self._lines.is_grey(i) for sample in samples for i in sample) else 3
        canvas = np.zeros((len(images), self._height, batch.width_px, channels), dtype=np.uint8)
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


def to_pixels(canvas: Tensor, widths: Tensor, contrast: Contrast = "plain") -> Tensor:
    """uint8 (N, H, W, C) -> float32 (N, C, H, W), channels last, in [-1, 1] with 0.0 right of each width."""
    within = inside(widths, canvas.shape[2])[:, None, None, :]
    pixels = canvas.permute(0, 3, 1, 2).float().div_(127.5).sub_(1.0).mul_(within)
    if contrast == "plain":
        return pixels
    count = (widths * canvas.shape[1]).clamp(min=1).float()[:, None, None, None]
    pixels = pixels.sub_(pixels.sum(dim=(2, 3), keepdim=True) / count).mul_(within)
    deviation = (pixels.square().sum(dim=(1, 2, 3), keepdim=True) / (count * canvas.shape[3])).sqrt()
    return pixels.mul_(EVEN_DEVIATION / (deviation + LEAST_DEVIATION)).clamp_(-1.0, 1.0)


def inside(widths: Tensor, width_px: int) -> Tensor:
    """(N,) widths -> (N, width_px) float32, 1 where a column holds the line."""
    return (torch.arange(width_px, device=widths.device) < widths[:, None]).float()


def step_counts(widths: Tensor, time_stride: int, width_px: int) -> Tensor:
    """Time steps of each line at its own canonical width: all that the reader will have. (N,) int64."""
    multiple = math.lcm(CANONICAL_MULTIPLE, time_stride)
    canonical = (widths + (multiple - 1)).div(multiple, rounding_mode="floor").mul(multiple)
    return canonical.clamp(max=width_px).div(time_stride, rounding_mode="floor")
