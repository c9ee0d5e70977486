"""CTC: one class per symbol and a blank at every time step."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.catalog import Citation
from search_space.contracts import Head
from search_space.heads import heads


def ctc_losses(logits: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None) -> Tensor:
    """CTC loss of each line; 0 for a line that has no alignment because it has too few steps.

    Args:
        logits: (N, T, V), blank at index 0.
        targets: (N, L) int64, padded with anything.
        lengths: (N,) int64.
        step_counts: (N,) int64; None means all T.

    Returns:
        (N,) float32.
    """
    count, steps, _ = logits.shape
    log_probabilities = logits.float().log_softmax(2).transpose(0, 1)
    if step_counts is None:
        step_counts = torch.full((count,), steps, dtype=torch.int64, device=logits.device)
    return F.ctc_loss(log_probabilities, targets, step_counts, lengths, blank=0, reduction="none", zero_infinity=True)


@heads.register(
    "ctc",
    Citation(
        "Connectionist Temporal Classification: Labelling Unsegmented Sequence Data with Recurrent Neural Networks",
        2006,
        "https://www.cs.toronto.edu/~graves/icml_2006.pdf",
    ),
)
class CtcHead(Head):
    """One linear layer, D -> symbols + 1."""

    decoding = "ctc"

    def __init__(self, in_features: int, symbols: int, rank: int) -> None:
        super().__init__(in_features, symbols, rank)
        self.classes = nn.Linear(in_features, symbols + 1)

    def forward(self, steps: Tensor) -> Tensor:
        logits: Tensor = self.classes(steps)
        return logits

    def loss(self, steps: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None) -> Tensor:
        return ctc_losses(self(steps), targets, lengths, step_counts)
