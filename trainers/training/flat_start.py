"""A flat start for CTC: in the first steps every column is told which letter is probably there.

CTC alone has to find out what letters look like and where they are at once; until it does, "blank everywhere" is its best
answer, and on few lines it can stay there for dozens of epochs. Where letters are is roughly known beforehand: evenly spread
over the line. So, as speech recognisers do before their first alignment, each time step is trained to tell the letters at and
around its place apart; blank takes no part, so that this says nothing about where CTC will put its peaks. The loss fades out
over the first steps and CTC is left alone with features that know letters.

Decisions:
- How far a letter may be from its even place: letter widths vary, their sum does so like a random walk that is tied at both
  ends, with standard deviation `LETTER_VARIATION * sqrt(L u (1 - u))` letters at the share u of the line.
- The loss of a line is its mean over the steps times its number of letters: as large as CTC's at the start.

Source:
    Young et al., The HTK TrialRecorder, 2006 (flat start: uniform segmentation before the first alignment).
"""

from __future__ import annotations

import torch
from torch import Tensor

FLAT_START_STEPS = 2000
"""Steps after which a flat start is over, however long the training is."""
LETTER_VARIATION = 0.4
"""Standard deviation of letter widths, in mean letter widths."""


def flatness_at(step: int, steps: int, share: float) -> float:
    """Weight of the flat start at a step of so many, 1 at the first; `share` is the recipe's."""
    fading = min(share * steps, FLAT_START_STEPS)
    return max(0.0, 1 - step / fading) if fading else 0.0


def flat_start_losses(logits: Tensor, targets: Tensor, lengths: Tensor, steps: Tensor) -> Tensor:
    """Cross-entropy of each line against evenly spread letters.

    Args:
        logits: (N, T, V), blank at index 0.
        targets: (N, L) int64, charset index + 1, padded with 0.
        lengths: (N,) int64.
        steps: (N,) time steps, fractions too, that the line's image covers, without any padding.

    Returns:
        (N,) float32; 0 for a line without letters.
    """
    count = logits.shape[1]
    letters = logits[:, :, 1:].float().log_softmax(dim=2)
    told = letters.gather(2, (targets - 1).clamp(min=0)[:, None, :].expand(-1, count, -1))
    weights = letter_places(lengths, steps, count, targets.shape[1])
    per_line = (told * weights).sum(dim=(1, 2)) / steps.clamp(min=1)
    return -per_line * lengths


def letter_places(lengths: Tensor, steps: Tensor, count: int, most: int) -> Tensor:
    """How probable it is that a step shows a letter: (N, count, most), rows sum to 1 inside the line and are 0 outside."""
    step = torch.arange(count, device=lengths.device) + 0.5
    share = (step / steps.clamp(min=1)[:, None])[:, :, None]
    length = lengths[:, None, None].float()
    place = torch.arange(most, device=lengths.device) + 0.5
    spread = LETTER_VARIATION**2 * length * (share * (1 - share)).clamp(min=0) + 0.05
    nearness = -0.5 * (share * length - place).square() / spread
    nearness = nearness.masked_fill(place > length, float("-inf"))
    inside = (share < 1) & (length > 0)
    return torch.where(inside, nearness, 0.0).softmax(dim=2) * inside
