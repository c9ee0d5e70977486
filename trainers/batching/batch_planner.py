"""Which lines are trained together: lines of like width, as many as fill a fixed number of pixels, in a new order each epoch.

Padding every line to the widest spends most of a step on grey. Here lines are sorted into width buckets; a batch of narrow
lines holds more lines than a batch of wide ones, so that every step costs about the same.

Decisions:
- A bucket's lines are shuffled every epoch, what does not fill a batch moves on to the next wider bucket, and the batches
  themselves are shuffled: no line is left out, and no batch is small except perhaps one.
- Bucket widths grow by an eighth, so that lines of any widths make a few dozen shapes (a GPU prepares itself for each once).
- A sample is one line or two joined ones; joining is planned here, where widths are known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sample = tuple[int, ...]
"""Line numbers that are shown as one line, left to right."""


@dataclass(frozen=True)
class PlannedBatch:
    """What one training step sees.

    Attributes:
        samples: lines, or joined lines.
        width_px: columns of the batch's image tensor; no sample is wider.
    """

    samples: tuple[Sample, ...]
    width_px: int


def bucket_widths(widest_px: int, multiple_px: int) -> list[int]:
    """Widths that batches may have, narrowest first: multiples of `multiple_px`, each about an eighth wider than the last."""
    widths = [multiple_px]
    while widths[-1] < widest_px:
        grown = int(widths[-1] * 1.125)
        widths.append(max(widths[-1] + multiple_px, -(-grown // multiple_px) * multiple_px))
    return widths


class BatchPlanner:
    """Plans epochs over lines of known widths.

    Args:
        widths: (N,) width of each line in pixels, before padding.
        multiple_px: batches are a multiple of this wide.
        batch_lines: lines of average width in a batch.
        join_share: share of samples that are two lines joined; the joined width stays within the widest line's.
        weights: (N,) how often each line is shown in an epoch, on average; None shows each once.
        may_join: whether a line may be joined with another at its right, by their numbers; None joins any two that fit.
    """

    def __init__(
        self,
        widths: NDArray[np.integer],
        multiple_px: int,
        batch_lines: int,
        join_share: float = 0.0,
        weights: NDArray[np.floating] | None = None,
        may_join: Callable[[int, int], bool] | None = None,
    ) -> None:
        if not len(widths):
            raise ValueError("no line to train on")
        self._widths = np.asarray(widths, dtype=np.int64)
        self._multiple = multiple_px
        self._join_share = join_share
        self._weights = weights
        self._may_join = may_join
        self._buckets = bucket_widths(int(self._widths.max()), multiple_px)
        padded = np.array(self._buckets)[np.searchsorted(self._buckets, self._widths)]
        self._pixel_budget = batch_lines * float(padded.mean())
        self._most_lines = 4 * batch_lines

    def lines_in(self, width_px: int) -> int:
        """Lines of a full batch of that width, at least one."""
        return int(min(max(1, round(self._pixel_budget / width_px)), self._most_lines))

    def plan(self, rng: np.random.Generator) -> list[PlannedBatch]:
        """The batches of one epoch, in order; without weights every line is in at least one of them."""
        samples = self._samples(rng)
        widths = np.array([sum(int(self._widths[i]) for i in sample) for sample in samples])
        bucket_of = np.searchsorted(self._buckets, widths)
        batches: list[PlannedBatch] = []
        waiting: list[Sample] = []
        last = len(self._buckets) - 1
        for bucket, width_px in enumerate(self._buckets):
            inside = [samples[i] for i in rng.permutation(np.flatnonzero(bucket_of == bucket))]
            if not inside and bucket != last:
                continue
            waiting += inside
            size = self.lines_in(width_px)
            while len(waiting) >= size:
                batches.append(PlannedBatch(tuple(waiting[:size]), width_px))
                del waiting[:size]
        if waiting:
            width_px = self._padded(max(sum(int(self._widths[i]) for i in sample) for sample in waiting))
            batches.append(PlannedBatch(tuple(waiting), width_px))
        return [batches[i] for i in rng.permutation(len(batches))]

    def _shown(self, rng: np.random.Generator) -> NDArray[np.int64]:
        lines = np.arange(len(self._widths))
        if self._weights is None:
            return lines
        times = np.floor(self._weights + rng.random(len(lines))).astype(np.int64)
        return np.repeat(lines, times) if times.any() else lines

    def _padded(self, width_px: int) -> int:
        return self._buckets[int(np.searchsorted(self._buckets, width_px))]

    def _samples(self, rng: np.random.Generator) -> list[Sample]:
        """Every line as often as its weight says, some of them with another, randomly chosen line at their right."""
        order = rng.permutation(self._shown(rng))
        samples: list[Sample] = [(int(i),) for i in order]
        if not self._join_share:
            return samples
        widest = int(self._widths.max())
        joined = np.flatnonzero(rng.random(len(samples)) < self._join_share)
        partners = rng.integers(0, len(self._widths), size=len(joined))
        for at, partner in zip(joined, partners, strict=True):
            (line,) = samples[at]
            joinable = self._may_join is None or self._may_join(line, int(partner))
            if joinable and self._widths[line] + self._widths[partner] <= widest:
                samples[at] = (line, int(partner))
        return samples


def padded_labels(labels: Sequence[Sequence[int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Labels as one array: ((N, L) indices padded with 0, (N,) lengths); L is at least 1."""
    lengths = np.array([len(label) for label in labels], dtype=np.int64)
    targets = np.zeros((len(labels), max(1, int(lengths.max(initial=0)))), dtype=np.int64)
    for row, label in zip(targets, labels, strict=True):
        row[: len(label)] = label
    return targets, lengths
