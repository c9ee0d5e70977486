"""Selects the lines that a training uses: those whose label the recogniser can produce."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from search_space.recognizer import Recognizer
from search_space.time_steps import LONGEST_ATTENTION_LINE, reason_against
from trainers.base.errors import UnfitArchitecture, UserError
from trainers.base.preprocess import canonical_width
from trainers.base.recipe import Recipe
from trainers.batching.batch_planner import BatchPlanner
from trainers.batching.collate import BatchFeed, Collator, DecodedLines
from trainers.batching.device_dataset import DeviceDataset, fits_on
from trainers.data.arrays import writable_lines
from trainers.data.charset import Charset

WARMUP_FRACTION = 0.2
"""Fraction of the epochs that train on the warm-up lines, where there are any, instead of the training lines."""


def warmup_epochs(epochs: int, is_anytime: bool) -> int:
    """How many of `epochs` epochs train on the warm-up lines: one in five, at least one, but never the last epoch.

    A training that may end after any epoch trains on them in its first epoch only: more epochs could be more than a fifth of
    those that it will have. A training of one epoch has none, and is continued without them.

    Args:
        epochs: number of epochs of the whole training.
        is_anytime: whether the recipe lets it end after any epoch (`Recipe.is_anytime`).
    """
    return min(1 if is_anytime else max(1, round(WARMUP_FRACTION * epochs)), epochs - 1)


def plan_lines(
    lines: DecodedLines, charset: Charset, recognizer: Recognizer, recipe: Recipe, device: torch.device, drawn: int = 0
) -> tuple[BatchPlanner, BatchFeed]:
    """Makes the batch planner and the feed of a training.

    Args:
        lines: the decoded lines; those whose label the recogniser cannot produce are left out.
        charset: charset of the labels.
        recognizer: the network that is trained.
        recipe: batch size, joined lines and share of drawn lines.
        device: device of the batches.
        drawn: number of lines that are drawn; they come last.

    Returns:
        The planner, and the feed that makes the tensors of its batches.

    Raises:
        UnfitArchitecture: the recogniser can produce the label of no line.
        UserError: the recipe asks for drawn lines, and there are none.
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
    if recipe.drawn_share is not None:
        weights = share_drawn(weights, kept >= len(lines) - drawn, recipe.drawn_share)
    may_join = _within_decoder([len(labels[i]) for i in kept]) if architecture.head == "attention" else None
    width = canonical_width(1, stride)
    planner = BatchPlanner(widths[kept], width, recipe.batch_lines, recipe.join_share, weights, may_join)
    feed: type[BatchFeed] = DeviceDataset if fits_on(lines, kept, device) else Collator
    return planner, feed(lines, labels, kept, device, recognizer.contrast)


def share_drawn(weights: NDArray[np.floating] | None, is_drawn: NDArray[np.bool_], share: float) -> NDArray[np.floating] | None:
    """How often each line is shown in an epoch, so that drawn lines are a given fraction of those shown.

    Args:
        weights: (N,) how often without regard to that, relative to each other; None: equally often.
        is_drawn: (N,) whether each line is drawn.
        share: fraction of the lines shown that are drawn, in [0, 1].

    Returns:
        (N,) weights with a mean of 1; None where no line is drawn and none is asked for.

    Raises:
        UserError: drawn lines are asked for, or others, and there are none.
    """
    for wanted, there, what in ((share, is_drawn, "drawn"), (1 - share, ~is_drawn, "other")):
        if wanted > 0 and not there.any():
            raise UserError(
                f"recipe.drawn_share is {share:g}, and no training line is {what}; lines are drawn with rendered in [data] "
                "(docs/data.md)"
            )
    if not is_drawn.any():
        return weights
    relative = np.ones(len(is_drawn)) if weights is None else np.asarray(weights, dtype=float)
    shown = np.zeros(len(is_drawn))
    for wanted, there in ((share, is_drawn), (1 - share, ~is_drawn)):
        if wanted > 0:
            shown[there] = wanted * len(is_drawn) * relative[there] / relative[there].sum()
    return shown


def _within_decoder(lengths: Sequence[int]) -> Callable[[int, int], bool]:
    """Whether an attention head can produce the joined label of two lines, by their indices in `lengths`."""
    return lambda left, right: lengths[left] + lengths[right] <= LONGEST_ATTENTION_LINE
