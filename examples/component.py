"""A component in one file: an attention without parameters. See docs/extending-components.md."""

from __future__ import annotations

import torch
from torch import Tensor

from search_space.contracts import Attention


class SimAM(Attention):
    """Gates (N, C, H, W) by the energy of each pixel: the farther from its channel's mean, the more it counts.

    Source: Yang et al. 2021, https://proceedings.mlr.press/v139/yang21o.html, equation 5.
    """

    def forward(self, x: Tensor) -> Tensor:
        distance = (x - x.mean(dim=(2, 3), keepdim=True)).square()
        variance = distance.mean(dim=(2, 3), keepdim=True)
        return x * torch.sigmoid(distance / (4 * (variance + 1e-4)) + 0.5)
