"""All training lines in device memory, as one array of pixel columns: a batch is one gather.

Decisions:
- The array is one of columns, so that lines of any width are stored without padding, and two lines are joined by their columns.
- Each pixel is sent to the device once; a batch sends only a few integers for each line.
- The array has one channel if all lines are grey.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainers.base.preprocess import Contrast
from trainers.batching.batch_planner import PlannedBatch
from trainers.batching.collate import Batch, BatchFeed, DecodedLines, channel_count, to_pixels

FREE_MEMORY_FRACTION = 0.4
"""The most of a GPU's free memory that the lines may take, as a fraction; the rest is for the training itself."""


def dataset_bytes(lines: DecodedLines, numbers: NDArray[np.integer]) -> int:
    """Bytes of device memory that the lines with these indices take."""
    height = lines.image(int(numbers[0])).shape[0]
    channels = channel_count(lines, numbers)
    return int(np.asarray(lines.widths)[numbers].sum() * height * channels)


def fits_on(lines: DecodedLines, numbers: NDArray[np.integer], device: torch.device) -> bool:
    """Whether the lines with these indices leave enough of the GPU's memory for the training; False on a CPU."""
    if device.type != "cuda":
        return False
    free, _ = torch.cuda.mem_get_info(device)
    return dataset_bytes(lines, numbers) <= FREE_MEMORY_FRACTION * free


class DeviceDataset(BatchFeed):
    """Makes the same batches as `trainers.batching.collate.Collator`, from lines that are all in device memory.

    The arguments are those of `BatchFeed`.
    """

    def __init__(
        self,
        lines: DecodedLines,
        labels: Sequence[Sequence[int]],
        numbers: NDArray[np.integer],
        device: torch.device,
        contrast: Contrast = "plain",
    ) -> None:
        super().__init__(lines, labels, numbers, device, contrast)
        self._widths = np.asarray(lines.widths, dtype=np.int64)[numbers]
        self._starts = np.cumsum(self._widths) - self._widths
        channels = channel_count(lines, numbers)
        height = lines.image(int(numbers[0])).shape[0]
        columns = np.empty((int(self._widths.sum()), height, channels), dtype=np.uint8)
        for number, start, width in zip(numbers, self._starts, self._widths, strict=True):
            columns[start : start + width] = lines.image(int(number))[:, :, :channels].transpose(1, 0, 2)
        self._columns = torch.from_numpy(columns).to(device)

    def collate(self, batch: PlannedBatch) -> Batch:
        """Makes the tensors of a batch."""
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
        """uint8 (N, H, width_px, C); right of a line are columns of other lines, which `to_pixels` sets to 0.0."""
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
