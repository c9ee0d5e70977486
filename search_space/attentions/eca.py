"""Efficient channel attention: the gate of a channel depends on the means of a few neighbouring channels."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from search_space.attentions import attentions
from search_space.catalog import Citation
from search_space.contracts import Attention


@attentions.register(
    "eca",
    Citation(
        "ECA-Net: Efficient Channel Attention for Deep Convolutional Neural Networks", 2019, "https://arxiv.org/abs/1910.03151"
    ),
)
class EfficientChannelAttention(Attention):
    """A 1-D convolution over the channels' means; its odd kernel grows with log2 C (gamma 2, b 1)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        kernel = int(abs(math.log2(channels) + 1) / 2)
        kernel += 1 - kernel % 2
        self.neighbours = nn.Conv1d(1, 1, kernel, padding=kernel // 2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        means = x.mean(dim=(2, 3)).unsqueeze(1)
        gate = torch.sigmoid(self.neighbours(means))
        return x * gate.transpose(1, 2).unsqueeze(3)
