"""SVTR's mixing blocks in one dimension: local mixing, then global mixing, with a skip connection around all blocks.

Decisions (after PP-OCRv6's LightSVTR, see its `EncoderWithLightSVTR`):
- The features are first reduced to `hidden`, so that two blocks of 120 have about as many weights as a layer of the seed's GRU.
- The skip is a linear layer that is added at the end. PP-OCRv3 to v5 concatenate it, which widens the head and adds weights for
  the same accuracy.
- Local mixing is a depthwise convolution over 7 steps, global mixing is self-attention. There are no position embeddings: the
  convolutions encode positions, so that the encoder works at any length.
- Padding steps are not masked: the exported file cannot know them.
"""

from __future__ import annotations

from torch import Tensor, nn

from search_space.catalog import Citation
from search_space.contracts import Encoder
from search_space.encoders import encoders

NEAR_STEPS = 7
WIDENING = 2
HEAD_FEATURES = 15
"""Approximate features of an attention head: 8 heads at 120 features."""


def head_count(features: int) -> int:
    """Number of attention heads: the divisor of `features`, at most 8, that gives heads of nearest to 15 features."""
    return min((h for h in range(1, 9) if features % h == 0), key=lambda h: (abs(features / h - HEAD_FEATURES), h))


class SelfAttention(nn.Module):
    """Multi-head self-attention: (N, T, D) -> (N, T, D)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.heads = head_count(features)
        self.scale = (features // self.heads) ** -0.5
        self.query_key_value = nn.Linear(features, 3 * features)
        self.out = nn.Linear(features, features)

    def forward(self, steps: Tensor) -> Tensor:
        parts = self.query_key_value(steps).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        weights = (query * self.scale @ key.transpose(2, 3)).softmax(3)
        mixed: Tensor = self.out((weights @ value).transpose(1, 2).flatten(2))
        return mixed


class MixingBlock(nn.Module):
    """Local mixing, global mixing and a feed-forward layer, each with a residual connection: (N, T, D) -> (N, T, D)."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.near = nn.Conv1d(features, features, NEAR_STEPS, padding=NEAR_STEPS // 2, groups=features)
        self.norm_all = nn.LayerNorm(features)
        self.all = SelfAttention(features)
        self.norm_each = nn.LayerNorm(features)
        self.each = nn.Sequential(nn.Linear(features, WIDENING * features), nn.SiLU(), nn.Linear(WIDENING * features, features))

    def forward(self, steps: Tensor) -> Tensor:
        steps = steps + self.near(steps.transpose(1, 2)).transpose(1, 2)
        steps = steps + self.all(self.norm_all(steps))
        out: Tensor = steps + self.each(self.norm_each(steps))
        return out


@encoders.register(
    "svtr", Citation("SVTR: Scene Text Recognition with a Single Visual Model", 2022, "https://arxiv.org/abs/2205.00159")
)
class Svtr(Encoder):
    """`layers` mixing blocks of `hidden` features: (N, T, D) -> (N, T, hidden)."""

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__(in_features, hidden, layers)
        self.out_features = hidden
        self.skip = nn.Linear(in_features, hidden)
        self.reduce = nn.Sequential(nn.Linear(in_features, hidden), nn.SiLU())
        self.blocks = nn.Sequential(*(MixingBlock(hidden) for _ in range(layers)))
        self.norm = nn.LayerNorm(hidden)

    def forward(self, columns: Tensor) -> Tensor:
        steps: Tensor = self.norm(self.blocks(self.reduce(columns))) + self.skip(columns)
        return steps
