"""Which lines a training shows: those that the recogniser's time steps can spell, from memory or from the device."""

from __future__ import annotations

import numpy as np
import torch

from search_space.recognizer import Recognizer
from trainers.base.errors import UserError
from trainers.base.preprocess import canonical_width
from trainers.base.recipe import Recipe
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import Feed, Lines
from trainers.batching.device_dataset import DeviceDataset, fits_on
from trainers.data.charset import Charset, ctc_steps

WARMUP_SHARE = 0.2
"""Share of the epochs that show the warm-up lines, where there are any, instead of the training lines."""


def warmup_epochs(epochs: int) -> int:
    """How many of so many epochs show the warm-up lines: one in five, at least one, and never the last."""
    return min(max(1, round(WARMUP_SHARE * epochs)), epochs - 1)


def plan_lines(
    lines: Lines, charset: Charset, recognizer: Recognizer, recipe: Recipe, device: torch.device
) -> tuple[BatchPlanner, Feed | DeviceDataset]:
    """Plans over the lines that the recogniser's time steps can spell, and the feed that shows them.

    Raises:
        UserError: no line fits.
    """
    stride = recognizer.architecture.time_stride
    labels = [charset.encode(lines.text(i)) for i in range(len(lines))]
    widths = np.asarray(lines.widths, dtype=np.int64)
    fits = np.ones(len(labels), dtype=bool)
    if recognizer.head.decoding == "ctc":
        steps = np.array([canonical_width(int(width), stride) // stride for width in widths])
        fits = np.array([ctc_steps(label) for label in labels]) <= steps
    if not fits.any():
        raise UserError(f"no training line fits: at time_stride {stride} every label needs more time steps than its image has")
    kept = np.flatnonzero(fits)
    weights = None if lines.weights is None else np.asarray(lines.weights)[kept]
    planner = BatchPlanner(widths[kept], canonical_width(1, stride), recipe.batch_lines, recipe.join_share, weights)
    feed = DeviceDataset if fits_on(lines, kept, device) else Feed
    return planner, feed(lines, labels, kept, device, recognizer.contrast)
