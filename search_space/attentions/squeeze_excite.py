"""Squeeze-and-excitation: each channel is scaled by a gate that depends on the means of all channels."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from search_space.attentions import attentions
from search_space.catalog import Citation
from search_space.contracts import Attention

REDUCTION = 4


@attentions.register("squeeze_excite", Citation("Squeeze-and-Excitation Networks", 2017, "https://arxiv.org/abs/1709.01507"))
class SqueezeExcite(Attention):
    """Mean over the map, 1x1 to C / 4, ReLU, 1x1 back, hard sigmoid.

    The hard sigmoid is that of the MobileNetV3 paper, relu6(x + 3) / 6. PaddleOCR, which trained the published models, has
    relu6(1.2 x + 3) / 6 instead; a trained gate makes up for the steeper slope by its weights.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels)
        reduced = max(1, channels // REDUCTION)
        self.reduce = nn.Conv2d(channels, reduced, 1)
        self.expand = nn.Conv2d(reduced, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gate = self.expand(F.relu(self.reduce(x.mean(dim=(2, 3), keepdim=True))))
        return x * F.hardsigmoid(gate)
