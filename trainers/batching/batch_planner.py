"""Plans the batches of an epoch: lines of similar width, as many as fill a fixed number of pixels, in a new order each epoch.

If every line were padded to the widest, most of a training step would be spent on padding. So lines are sorted into buckets by
width, and a batch of narrow lines has more lines than a batch of wide ones: every step takes about the same time.

Decisions:
- The lines of a bucket are shuffled every epoch. Lines that do not fill a batch move to the next wider bucket. Then the batches
  are shuffled. So no line is left out, and at most one batch is small.
- Each bucket is about an eighth wider than the one before, so that there are only a few dozen shapes: a GPU selects kernels
  once per shape.
- Padding to a bucket is up to an eighth of the line more than the reader pads. Time steps in it are not in the loss. Means over
  a whole map (squeeze-and-excitation) and a backward GRU see it, in another amount each epoch, as lines move between batches.
- A sample is one line or two joined lines. Joining is planned here because the widths are known here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Sample = tuple[int, ...]
"""Numbers of the lines that are joined into one, from left to right."""


@dataclass(frozen=True)
class PlannedBatch:
    """The batch of one training step.

    Attributes:
        samples: lines, or joined lines.
        width_px: columns of the image tensor; no sample is wider.
    """

    samples: tuple[Sample, ...]
    width_px: int


def bucket_widths(widest_px: int, multiple_px: int) -> list[int]:
    """The widths of batches, narrowest first: multiples of `multiple_px`, each about an eighth wider than the one before."""
    widths = [multiple_px]
    while widths[-1] < widest_px:
        grown = int(widths[-1] * 1.125)
        widths.append(max(widths[-1] + multiple_px, -(-grown // multiple_px) * multiple_px))
    return widths


class BatchPlanner:
    """Plans epochs over lines of known widths.

    Args:
        widths: (N,) width of each line in pixels, before padding.
        multiple_px: the width of a batch is a multiple of this.
        batch_lines: number of lines of average width in a batch.
        join_share: fraction of samples that are two joined lines; joined lines are never wider than the widest line.
        weights: (N,) mean number of times that each line is shown in an epoch; None shows each line once.
        may_join: whether the second line, by number, may be joined to the right of the first; None joins any two that fit.
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
        self._kept: tuple[tuple[int, int, int], list[PlannedBatch]] | None = None

    def lines_in(self, width_px: int) -> int:
        """Number of lines in a full batch of this width, at least 1."""
        return int(min(max(1, round(self._pixel_budget / width_px)), self._most_lines))

    def plan(self, rng: np.random.Generator) -> list[PlannedBatch]:
        """Plans the batches of one epoch; without weights every line is in at least one batch."""
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

    def plan_of_pass(self, seed: int, number: int, parts: int) -> list[PlannedBatch]:
        """The batches of a pass over all lines that takes several epochs.

        Each of these epochs asks for it, so the last plan is kept: 100,000 lines take a tenth of a second to plan.

        Args:
            seed: of the training.
            number: of the pass, from 0.
            parts: epochs that the pass takes.
        """
        wanted = seed, number, parts
        if self._kept is None or self._kept[0] != wanted:
            self._kept = wanted, self.plan(np.random.default_rng(wanted))
        return self._kept[1]

    def _shown(self, rng: np.random.Generator) -> NDArray[np.int64]:
        lines = np.arange(len(self._widths))
        if self._weights is None:
            return lines
        times = np.floor(self._weights + rng.random(len(lines))).astype(np.int64)
        return np.repeat(lines, times) if times.any() else lines

    def _padded(self, width_px: int) -> int:
        return self._buckets[int(np.searchsorted(self._buckets, width_px))]

    def _samples(self, rng: np.random.Generator) -> list[Sample]:
        """The samples of an epoch: every line as often as its weight says, some joined with a random line to their right."""
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
    """Labels as arrays: (N, L) indices padded with 0, and (N,) lengths; L is at least 1."""
    lengths = np.array([len(label) for label in labels], dtype=np.int64)
    targets = np.zeros((len(labels), max(1, int(lengths.max(initial=0)))), dtype=np.int64)
    for row, label in zip(targets, labels, strict=True):
        row[: len(label)] = label
    return targets, lengths
