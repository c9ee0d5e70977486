"""What a step makes smaller: the recogniser's own loss of each line, shaped as the recipe says."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from search_space.recognizer import Recognizer
from trainers.base.recipe import Recipe
from trainers.batching.collate import Batch, step_counts
from trainers.training.flat_start import flat_start_losses


def line_losses(
    recognizer: Recognizer, recipe: Recipe, images: Tensor, widths: Tensor, shown: Batch, flatness: float
) -> tuple[Tensor, Tensor]:
    """Losses of a batch.

    Args:
        recognizer: in training mode.
        recipe: focal weight, label smoothing.
        images: (N, 3, H, W) as augmented.
        widths: (N,) their columns.
        shown: targets and lengths.
        flatness: weight of the flat start, 0 and up.

    Returns:
        (N,) what to minimise, and (N,) the recogniser's own loss, which reports show; both with gradients.
    """
    stride = recognizer.architecture.time_stride
    steps = step_counts(widths, stride, images.shape[3])
    with watched_logits(recognizer.head) as seen:
        losses = recognizer.losses(images, shown.targets, shown.lengths, steps)
    goal = losses
    if recipe.focal_gamma:
        goal = goal * (1 - torch.exp(-losses.detach())).pow(recipe.focal_gamma)
    if recognizer.head.decoding == "ctc" and seen:
        if recipe.label_smoothing:
            goal = torch.lerp(goal, unevenness(seen[0], steps), recipe.label_smoothing)
        if flatness:
            goal = goal + flatness * flat_start_losses(seen[0], shown.targets, shown.lengths, widths / stride)
    return goal, losses


def unevenness(logits: Tensor, steps: Tensor) -> Tensor:
    """Cross-entropy between equally likely classes and those of a line, summed over its steps: (N, T, V) -> (N,)."""
    inside = torch.arange(logits.shape[1], device=logits.device) < steps[:, None]
    each = -logits.float().log_softmax(dim=2).mean(dim=2)
    return (each * inside).sum(dim=1)


@contextmanager
def watched_logits(head: nn.Module) -> Iterator[list[Tensor]]:
    """Within it, the logits that the head computes for its loss are put into the list given."""
    seen: list[Tensor] = []
    hook = head.register_forward_hook(lambda _, __, logits: seen.append(logits))
    try:
        yield seen
    finally:
        hook.remove()
