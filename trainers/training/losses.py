"""The training objective: the head's loss of each line with the recipe's focal weight, smoothing and flat start, and the
auxiliary loss as it is."""

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
    recognizer: Recognizer, recipe: Recipe, images: Tensor, widths: Tensor, batch: Batch, flat_start_weight: float
) -> tuple[Tensor, Tensor]:
    """Computes the losses of a batch.

    Args:
        recognizer: in training mode.
        recipe: focal weight, label smoothing.
        images: (N, 3, H, W) augmented images.
        widths: (N,) columns of each image that hold its line.
        batch: targets and lengths.
        flat_start_weight: weight of the flat-start loss, 0 and up; 0 leaves it out.

    Returns:
        (N,) objective to minimise, and (N,) loss of the recogniser alone, which is reported; both with gradients.
    """
    stride = recognizer.architecture.time_stride
    steps = step_counts(widths, stride, images.shape[3])
    with captured_logits(recognizer.head) as logits:
        of_head, of_auxiliary = recognizer.loss_parts(images, batch.targets, batch.lengths, steps)
    objective = of_head
    if recipe.focal_gamma:  # by how likely the head finds the label; an auxiliary loss is no such probability
        objective = objective * (1 - torch.exp(-of_head.detach())).pow(recipe.focal_gamma)
    if recognizer.head.decoding == "ctc" and logits:
        if recipe.label_smoothing:
            objective = torch.lerp(objective, uniform_cross_entropy(logits[0], steps), recipe.label_smoothing)
        if flat_start_weight:
            objective = objective + flat_start_weight * flat_start_losses(
                logits[0], batch.targets, batch.lengths, widths / stride
            )
    return (objective, of_head) if of_auxiliary is None else (objective + of_auxiliary, of_head + of_auxiliary)


def uniform_cross_entropy(logits: Tensor, steps: Tensor) -> Tensor:
    """Cross-entropy of a line's predictions against the uniform distribution, summed over its time steps.

    Args:
        logits: (N, T, V).
        steps: (N,) time steps of each line; later ones are padding.

    Returns:
        (N,) float32.
    """
    inside = torch.arange(logits.shape[1], device=logits.device) < steps[:, None]
    each = -logits.float().log_softmax(dim=2).mean(dim=2)
    return (each * inside).sum(dim=1)


@contextmanager
def captured_logits(head: nn.Module) -> Iterator[list[Tensor]]:
    """A context that yields a list to which the head's logits are appended at each forward pass."""
    captured: list[Tensor] = []
    hook = head.register_forward_hook(lambda _, __, logits: captured.append(logits))
    try:
        yield captured
    finally:
        hook.remove()
