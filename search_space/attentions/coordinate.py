"""Coordinate attention: one gate along the rows, one along the columns."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.attentions import attentions
from search_space.catalog import Citation
from search_space.contracts import Attention

REDUCTION = 32


@attentions.register(
    "coordinate",
    Citation("Coordinate Attention for Efficient Mobile Network Design", 2021, "https://arxiv.org/abs/2103.02907"),
)
class CoordinateAttention(Attention):
    """Row and column means pass a common 1x1 to max(8, C / 32), BatchNorm and h-swish; then a 1x1 each gives the gates."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        reduced = max(8, channels // REDUCTION)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.bn = nn.BatchNorm2d(reduced)
        self.row_gate = nn.Conv2d(reduced, channels, 1)
        self.column_gate = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        rows = x.shape[2]
        means = torch.cat([x.mean(dim=3, keepdim=True), x.mean(dim=2, keepdim=True).transpose(2, 3)], dim=2)
        shared = F.hardswish(self.bn(self.reduce(means)))
        row_gate = torch.sigmoid(self.row_gate(shared[:, :, :rows]))
        column_gate = torch.sigmoid(self.column_gate(shared[:, :, rows:].transpose(2, 3)))
        return x * row_gate * column_gate
