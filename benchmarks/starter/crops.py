"""Batches of lines as if they had been cropped and scaled otherwise: closer to the letters, with narrower or wider letters."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import torch
import torch.nn.functional as F

from trainers.base.preprocess import CANONICAL_MULTIPLE
from trainers.batching.collate import Batch, inside

STRETCH = (0.6, 1.2)
"""Bounds of the factor by which the width of a batch changes, drawn logarithmically."""
CUT = 0.08
"""Largest fraction of the height that is cut off or added at the top and at the bottom of a batch: words of photographs are
often cropped closer than drawn lines, and some have more room. Where batches were only cut, drawn lines were read better, and
words of photographs worse (benchmarks/starter)."""


def cropped_otherwise(batch: Batch, rng: np.random.Generator) -> Batch:
    """A batch with random rows cut off or added, and with a random width."""
    return stretched(cut(batch, *rng.uniform(-CUT, CUT, 2)), float(np.exp(rng.uniform(*np.log(STRETCH)))))


def cut(batch: Batch, top: float, bottom: float) -> Batch:
    """A batch without the fractions of its height at the top and at the bottom, scaled to the former height.

    Negative fractions add rows, which repeat the outermost one.
    """
    height, columns = batch.images.shape[2:]
    rows = torch.linspace(top * height, (1 - bottom) * height, height + 1)
    middle = (rows[:-1] + rows[1:]) / height - 1  # of each row that is left, from -1 to 1
    across = (2 * torch.arange(columns) + 1) / columns - 1
    grid = torch.stack(torch.meshgrid(across, middle, indexing="xy"), 2).expand(len(batch.images), -1, -1, -1)
    return replace(batch, images=F.grid_sample(batch.images, grid, padding_mode="border", align_corners=False))


def stretched(batch: Batch, factor: float) -> Batch:
    """A batch of images that are wider by a factor, or narrower."""
    canvas = math.ceil(batch.images.shape[3] * factor / CANONICAL_MULTIPLE) * CANONICAL_MULTIPLE
    height, columns = batch.images.shape[2], round(batch.images.shape[3] * factor)
    images = F.interpolate(batch.images, (height, columns), mode="bilinear", align_corners=False, antialias=factor < 1)
    widths = (batch.widths * factor).round().long().clamp(1, columns)
    images = images * inside(widths, columns)[:, None, None, :]  # the border of a line has mixed with its padding
    return replace(batch, images=F.pad(images, (0, canvas - columns)), widths=widths)
