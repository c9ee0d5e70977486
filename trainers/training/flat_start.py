"""Flat start for CTC: an auxiliary loss that aligns labels to time steps evenly, and fades out early in the training.

Early in a training CTC tends to predict blank at all time steps, and on few lines it may stay on that plateau for dozens of
epochs, because it has to learn the alignment and the characters at once. The alignment is roughly known: characters are spread
evenly over the line. So each time step is trained with cross-entropy to predict the characters at and around its position, as
speech recognisers initialise their acoustic models before the first alignment. Blank is excluded from the softmax, so the loss
does not influence where CTC puts its peaks. Once its weight has faded to 0, the training continues with CTC alone.

Decisions:
- The target of a time step is a distribution over the characters of the line, because character widths vary. The sum of the
  widths up to a position is a random walk with both ends fixed (a Brownian bridge), so the standard deviation of that position
  is `LETTER_VARIATION * sqrt(L u (1 - u))` characters, at the fraction u of a line of L characters.
- The loss of a line is its mean over the time steps times the number of characters, which at the start of a training is about
  as large as the CTC loss.

Source:
    Young et al., The HTK Book, 2006 (flat start: uniform segmentation before the first alignment).
"""

from __future__ import annotations

import torch
from torch import Tensor

from trainers.base.recipe import Recipe

FLAT_START_STEPS = 2000
"""The most optimizer steps over which the flat start fades out, however long the training is."""
LETTER_VARIATION = 0.4
"""Standard deviation of character widths, as a fraction of their mean."""


def flat_start_weight_at(step: int, steps: int, recipe: Recipe) -> float:
    """Weight of the flat-start loss: 1 at the first step, then falling linearly to 0.

    Args:
        step: optimizer steps done, from 0.
        steps: optimizer steps of the whole training.
        recipe: says over which steps the weight falls: a fixed number, or a fraction of the training; 0 gives weight 0.
    """
    fading = recipe.flat_start_steps or min(recipe.flat_start * steps, FLAT_START_STEPS)
    return max(0.0, 1 - step / fading) if fading else 0.0


def flat_start_losses(logits: Tensor, targets: Tensor, lengths: Tensor, steps: Tensor) -> Tensor:
    """Computes each line's cross-entropy against characters that are evenly spread over it.

    Args:
        logits: (N, T, V), blank at index 0.
        targets: (N, L) int64, charset index + 1, padded with 0.
        lengths: (N,) int64, number of characters of each line.
        steps: (N,) time steps that the line's image covers without padding; may be fractional.

    Returns:
        (N,) float32; 0 for a line without characters.
    """
    count = logits.shape[1]
    letters = logits[:, :, 1:].float().log_softmax(dim=2)
    predicted = letters.gather(2, (targets - 1).clamp(min=0)[:, None, :].expand(-1, count, -1))
    weights = letter_places(lengths, steps, count, targets.shape[1])
    per_line = (predicted * weights).sum(dim=(1, 2)) / steps.clamp(min=1)
    return -per_line * lengths


def letter_places(lengths: Tensor, steps: Tensor, count: int, most: int) -> Tensor:
    """Computes the probability that a time step shows each character of its line.

    Args:
        lengths: (N,) number of characters of each line.
        steps: (N,) time steps that each line covers; may be fractional.
        count: T, number of time steps.
        most: L, number of characters of the longest line.

    Returns:
        (N, T, L); sums to 1 over the characters for time steps within the line, and is 0 for the others.
    """
    step = torch.arange(count, device=lengths.device) + 0.5
    fraction = (step / steps.clamp(min=1)[:, None])[:, :, None]
    length = lengths[:, None, None].float()
    place = torch.arange(most, device=lengths.device) + 0.5
    variance = LETTER_VARIATION**2 * length * (fraction * (1 - fraction)).clamp(min=0) + 0.05
    nearness = -0.5 * (fraction * length - place).square() / variance
    nearness = nearness.masked_fill(place > length, float("-inf"))
    inside = (fraction < 1) & (length > 0)
    return torch.where(inside, nearness, 0.0).softmax(dim=2) * inside
