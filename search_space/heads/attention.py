"""RARE's decoder: a GRU with attention over all time steps that writes one symbol after the other.

Decisions:
- Index 0 is the end of the line, symbol k of the charset is k + 1, and the last index is the start: symbols + 2 in all.
- At inference the 25 + 1 steps are unrolled into ordinary ONNX nodes of about 25 KB, for any width and batch.
- In training the true previous symbol is fed (teacher forcing), for as many steps as the longest line of the batch needs.
- Padding columns are not masked, because the exported file does not know them.
- The previous symbol is one-hot and concatenated with the context, so that the cell has one weight matrix, as in the seed.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.catalog import Citation
from search_space.contracts import Head
from search_space.heads import heads
from search_space.time_steps import LONGEST_ATTENTION_LINE


class SymbolGruCell(nn.GRUCell):
    """A GRU cell in basic operations, because torch cannot export its own cell."""

    def forward(self, input: Tensor, hx: Tensor | None = None) -> Tensor:
        """(N, inputs), (N, hidden) -> (N, hidden)."""
        assert hx is not None
        reset_in, update_in, new_in = F.linear(input, self.weight_ih, self.bias_ih).chunk(3, 1)
        reset_old, update_old, new_old = F.linear(hx, self.weight_hh, self.bias_hh).chunk(3, 1)
        update = torch.sigmoid(update_in + update_old)
        new = torch.tanh(new_in + torch.sigmoid(reset_in + reset_old) * new_old)
        return new + update * (hx - new)


@heads.register(
    "attention",
    Citation("Robust Scene Text Recognition with Automatic Rectification", 2016, "https://arxiv.org/abs/1603.03915"),
)
class AttentionHead(Head):
    """Additive attention and a GRU cell of `rank` features: (N, T, D) -> (N, 26, symbols + 2)."""

    decoding = "attention"

    def __init__(self, in_features: int, symbols: int, rank: int) -> None:
        super().__init__(in_features, symbols, rank)
        self.hidden = rank
        self.classes = symbols + 2
        self.of_steps = nn.Linear(in_features, rank, bias=False)
        self.of_state = nn.Linear(rank, rank)
        self.score = nn.Linear(rank, 1, bias=False)
        self.cell = SymbolGruCell(in_features + self.classes, rank)
        self.generator = nn.Linear(rank, self.classes)

    def forward(self, steps: Tensor) -> Tensor:
        seen = self.of_steps(steps)
        state, previous = self._start(steps)
        written = []
        for _ in range(LONGEST_ATTENTION_LINE + 1):
            state = self._next(steps, seen, state, previous)
            logits = self.generator(state)
            previous = logits.argmax(1)
            written.append(logits)
        return torch.stack(written, 1)

    def loss(self, steps: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None) -> Tensor:
        """Cross-entropy of the symbols and the end, summed over each line; ignores `step_counts`."""
        past = torch.arange(targets.shape[1], device=targets.device) >= lengths[:, None]
        wanted = F.pad(targets.masked_fill(past, 0), (0, 1))
        seen = self.of_steps(steps)
        state, previous = self._start(steps)
        states = []
        for step in range(wanted.shape[1]):
            state = self._next(steps, seen, state, previous)
            states.append(state)
            previous = wanted[:, step]
        logits = self.generator(torch.stack(states, 2).transpose(1, 2)).float()
        losses = F.cross_entropy(logits.transpose(1, 2), wanted, reduction="none")
        counted = torch.arange(wanted.shape[1], device=targets.device) <= lengths[:, None]
        return (losses * counted).sum(1)

    def _start(self, steps: Tensor) -> tuple[Tensor, Tensor]:
        """The first state (N, hidden), zeros, and the start index (N,)."""
        count = steps.shape[0]
        return steps.new_zeros(count, self.hidden), steps.new_full((count,), self.classes - 1, dtype=torch.int64)

    def _next(self, steps: Tensor, seen: Tensor, state: Tensor, previous: Tensor) -> Tensor:
        """The state after one more symbol: (N, T, D), (N, T, hidden), (N, hidden), (N,) -> (N, hidden)."""
        weights = self.score(torch.tanh(seen + self.of_state(state).unsqueeze(1))).softmax(1)
        context = (weights.transpose(1, 2) @ steps).squeeze(1)
        one_hot = F.one_hot(previous, self.classes).to(context.dtype)
        out: Tensor = self.cell(torch.cat([context, one_hot], 1), state)
        return out
