"""ACON-C: a smooth maximum of two learned slopes, with a learned switch."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.activations import activations
from search_space.catalog import Citation
from search_space.contracts import Activation


@activations.register(
    "acon_c", Citation("Activate or Not: Learning Customized Activation", 2020, "https://arxiv.org/abs/2009.04759")
)
class AconC(Activation):
    """(p1 - p2) x sigmoid(beta (p1 - p2) x) + p2 x, with p1, p2 and beta learned per channel.

    Starts as swish (p1 = 1, p2 = 0, beta = 1). The paper's code draws p1 and p2 from a normal distribution, which makes deep
    networks so unsteady at first that 32-bit rounding shows in their output.
    """

    version = 2  # p1, p2 and beta are no longer decayed

    def __init__(self, channels: int, standard: str) -> None:
        super().__init__(channels, standard)
        self.p1 = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.p2 = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.beta = nn.Parameter(torch.ones(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        risen = (self.p1 - self.p2) * x
        return risen * torch.sigmoid(self.beta * risen) + self.p2 * x
