"""All training lines on the device at once, as one bank of pixel columns: a batch is one gather, joined lines included.

Decisions:
- Columns, because lines of any widths then lie end to end without padding, and two lines are joined by counting on.
- What crosses the bus per batch is a few numbers a line; no pixel is sent twice.
- A bank of grey lines holds one channel.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.base.preprocess import Contrast
from trainers.batching.batch_planner import PlannedBatch
from trainers.batching.collate import Batch, DecodedLines, Labels, to_pixels

SHARE_OF_FREE_MEMORY = 0.4
"""Of a GPU's free memory that a bank may take."""


def bank_bytes(lines: DecodedLines, numbers: NDArray[np.integer]) -> int:
    """Bytes of a bank of these lines."""
    height = lines.image(int(numbers[0])).shape[0]
    channels = 1 if all(lines.is_grey(int(i)) for i in numbers) else 3
    return int(np.asarray(lines.widths)[numbers].sum() * height * channels)


def fits_on(lines: DecodedLines, numbers: NDArray[np.integer], device: torch.device) -> bool:
    """Whether a bank of these lines leaves the GPU enough room to train."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return bank_bytes(lines, numbers) <= SHARE_OF_FREE_MEMORY * free


class DeviceDataset:
    """Shows batches as `trainers.batching.collate.Collator` does, from lines that all lie on the device.

    Args:
        lines: the decoded lines.
        labels: charset indices (+ 1) of each line.
        numbers: (M,) line of each number that batches speak of.
        device: where the lines are put and batches are made.
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
        self._labels = Labels([labels[int(i)] for i in numbers])
        self._device = device
        self._widths = np.asarray(lines.widths, dtype=np.int64)[numbers]
        self._starts = np.cumsum(self._widths) - self._widths
        channels = 1 if all(lines.is_grey(int(i)) for i in numbers) else 3
        height = lines.image(int(numbers[0])).shape[0]
        columns = np.empty((int(self._widths.sum()), height, channels), dtype=np.uint8)
        for number, start, width in zip(numbers, self._starts, self._widths, strict=True):
            columns[start : start + width] = lines.image(int(number))[:, :, :channels].transpose(1, 0, 2)
        self._columns = torch.from_numpy(columns).to(device)

    def show(self, batch: PlannedBatch) -> Batch:
        """The tensors of a batch."""
        parts = max(len(sample) for sample in batch.samples)
        starts = np.zeros((len(batch.samples), parts), dtype=np.int64)
        ends = np.zeros((len(batch.samples), parts), dtype=np.int64)
        for n, sample in enumerate(batch.samples):
            widths = self._widths[list(sample)]
            ends[n] = widths.sum()
            ends[n, : len(sample)] = np.cumsum(widths)
            starts[n, : len(sample)] = self._starts[list(sample)] - (np.cumsum(widths) - widths)
        targets, lengths = self._labels.of(batch.samples)
        sent = [self._send(array) for array in (starts, ends, targets, lengths)]
        widths_there = sent[1][:, -1]
        canvas = self._gather(sent[0], sent[1], batch.width_px)
        return Batch(to_pixels(canvas, widths_there, self._contrast), widths_there, sent[2], sent[3])

    def _gather(self, starts: Tensor, ends: Tensor, width_px: int) -> Tensor:
        """uint8 (N, H, width_px, C); right of a line are columns of other lines, which are cleared with the padding."""
        x = torch.arange(width_px, device=self._device).expand(len(starts), width_px)
        column = x + starts[:, :1]
        for part in range(1, starts.shape[1]):
            begins = ends[:, part - 1 : part]
            column = torch.where((x >= begins) & (x < ends[:, part : part + 1]), x + starts[:, part : part + 1], column)
        return self._columns[column.clamp_(max=len(self._columns) - 1)].transpose(1, 2)

    def _send(self, array: NDArray[np.int64]) -> Tensor:
        tensor = torch.from_numpy(array)
        if self._device.type == "cuda":
            return tensor.pin_memory().to(self._device, non_blocking=True)
        return tensor.to(self._device)
