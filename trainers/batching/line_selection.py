"""Which lines a training shows: those whose label the recogniser can write, from memory or from the device."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from search_space.feasibility import LONGEST_ATTENTION_LINE, reason_against
from search_space.recognizer import Recognizer
from trainers.base.errors import UserError
from trainers.base.preprocess import canonical_width
from trainers.base.recipe import Recipe
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import Collator, DecodedLines
from trainers.batching.device_dataset import DeviceDataset, fits_on
from trainers.data.arrays import writable_lines
from trainers.data.charset import Charset

WARMUP_SHARE = 0.2
"""Share of the epochs that show the warm-up lines, where there are any, instead of the training lines."""


def warmup_epochs(epochs: int) -> int:
    """How many of so many epochs show the warm-up lines: one in five, at least one, and never the last."""
    return min(max(1, round(WARMUP_SHARE * epochs)), epochs - 1)


def plan_lines(
    lines: DecodedLines, charset: Charset, recognizer: Recognizer, recipe: Recipe, device: torch.device
) -> tuple[BatchPlanner, Collator | DeviceDataset]:
    """Plans over the lines whose label the recogniser can write, and the feed that shows them.

    Raises:
        UserError: there is no such line.
    """
    architecture = recognizer.architecture
    stride = architecture.time_stride
    labels = [charset.encode(lines.text(i)) for i in range(len(lines))]
    widths = np.asarray(lines.widths, dtype=np.int64)
    fits = writable_lines(architecture, labels, widths)
    if not fits.any():
        width = canonical_width(int(widths[0]), stride)
        raise UserError(f"no training line fits; the first: {reason_against(architecture, lines.text(0), width)}")
    kept = np.flatnonzero(fits)
    weights = None if lines.weights is None else np.asarray(lines.weights)[kept]
    may_join = _within_decoder([len(labels[i]) for i in kept]) if architecture.head == "attention" else None
    width = canonical_width(1, stride)
    planner = BatchPlanner(widths[kept], width, recipe.batch_lines, recipe.join_share, weights, may_join)
    feed = DeviceDataset if fits_on(lines, kept, device) else Collator
    return planner, feed(lines, labels, kept, device, recognizer.contrast)


def _within_decoder(lengths: Sequence[int]) -> Callable[[int, int], bool]:
    """Whether head attention can write the label of two joined lines, by their places in `lengths`."""
    return lambda left, right: lengths[left] + lengths[right] <= LONGEST_ATTENTION_LINE
