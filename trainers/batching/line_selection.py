"""Selects the lines that a training uses: those whose label the recogniser can produce."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from search_space.recognizer import Recognizer
from search_space.time_steps import LONGEST_ATTENTION_LINE, reason_against
from trainers.base.errors import UnfitArchitecture
from trainers.base.preprocess import canonical_width
from trainers.base.recipe import Recipe
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import BatchFeed, Collator, DecodedLines
from trainers.batching.device_dataset import DeviceDataset, fits_on
from trainers.data.arrays import writable_lines
from trainers.data.charset import Charset

WARMUP_FRACTION = 0.2
"""Fraction of the epochs that train on the warm-up lines, where there are any, instead of the training lines."""


def warmup_epochs(epochs: int) -> int:
    """How many of `epochs` epochs train on the warm-up lines: one in five, at least one, but never the last epoch."""
    return min(max(1, round(WARMUP_FRACTION * epochs)), epochs - 1)


def plan_lines(
    lines: DecodedLines, charset: Charset, recognizer: Recognizer, recipe: Recipe, device: torch.device
) -> tuple[BatchPlanner, BatchFeed]:
    """Makes the batch planner and the feed of a training.

    Args:
        lines: the decoded lines; those whose label the recogniser cannot produce are left out.
        charset: charset of the labels.
        recognizer: the network that is trained.
        recipe: batch size and joined lines.
        device: device of the batches.

    Returns:
        The planner, and the feed that makes the tensors of its batches.

    Raises:
        UnfitArchitecture: the recogniser can produce the label of no line.
    """
    architecture = recognizer.architecture
    stride = architecture.time_stride
    labels = [charset.encode(lines.text(i)) for i in range(len(lines))]
    widths = np.asarray(lines.widths, dtype=np.int64)
    fits = writable_lines(architecture, labels, widths)
    if not fits.any():
        width = canonical_width(int(widths[0]), stride)
        raise UnfitArchitecture(f"no training line fits; the first: {reason_against(architecture, lines.text(0), width)}")
    kept = np.flatnonzero(fits)
    weights = None if lines.weights is None else np.asarray(lines.weights)[kept]
    may_join = _within_decoder([len(labels[i]) for i in kept]) if architecture.head == "attention" else None
    width = canonical_width(1, stride)
    planner = BatchPlanner(widths[kept], width, recipe.batch_lines, recipe.join_share, weights, may_join)
    feed: type[BatchFeed] = DeviceDataset if fits_on(lines, kept, device) else Collator
    return planner, feed(lines, labels, kept, device, recognizer.contrast)


def _within_decoder(lengths: Sequence[int]) -> Callable[[int, int], bool]:
    """Whether an attention head can produce the joined label of two lines, by their indices in `lengths`."""
    return lambda left, right: lengths[left] + lengths[right] <= LONGEST_ATTENTION_LINE
