"""Meta-ACON-C: ACON-C whose switch is computed from the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.activations import activations
from search_space.catalog import Citation
from search_space.contracts import Activation
from search_space.pooled_batch_norm import PooledBatchNorm

REDUCTION = 16


@activations.register(
    "meta_acon_c", Citation("Activate or Not: Learning Customized Activation", 2020, "https://arxiv.org/abs/2009.04759")
)
class MetaAconC(Activation):
    """ACON-C with beta from the map's mean: 1x1 to max(16, C / 16), BatchNorm, 1x1 back, BatchNorm, sigmoid.

    p1 and p2 start at 1 and 0, as in `acon_c`.
    """

    version = 2  # p1 and p2 are no longer decayed

    def __init__(self, channels: int, standard: str) -> None:
        super().__init__(channels, standard)
        reduced = max(16, channels // REDUCTION)
        self.p1 = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.p2 = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.reduce_bn = PooledBatchNorm(reduced)
        self.expand = nn.Conv2d(reduced, channels, 1)
        self.expand_bn = PooledBatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        reduced = self.reduce_bn(self.reduce(x.mean(dim=(2, 3), keepdim=True)))
        beta = torch.sigmoid(self.expand_bn(self.expand(reduced)))
        risen = (self.p1 - self.p2) * x
        return risen * torch.sigmoid(beta * risen) + self.p2 * x
