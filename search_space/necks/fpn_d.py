"""FPN-D: FPN-C with three kernel sizes in place of the 1x1."""

from __future__ import annotations

from torch import Tensor, nn

from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Neck, Tap
from search_space.necks import necks
from search_space.necks._pyramid import LATERAL, TopDown

KERNELS = (1, 3, 5)


class Inception(nn.Module):
    """Sum of a 1x1, a 3x3 and a 5x5 convolution, each with BatchNorm and activation, as in the published models.

    Without an activation for each, the three together would be one 5x5 convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, activation: str) -> None:
        super().__init__()
        self.branches = nn.ModuleList(
            ConvBnAct(in_channels, out_channels, kernel, activation=activation, standard=LATERAL) for kernel in KERNELS
        )

    def forward(self, x: Tensor) -> Tensor:
        one, three, five = (branch(x) for branch in self.branches)
        out: Tensor = one + three + five
        return out


@necks.register(
    "fpn_d",
    Citation("Dynamic Feature Pyramid Networks for Object Detection", 2020, "https://arxiv.org/abs/2012.00779"),
)
class FpnD(Neck):
    """As FPN-C, each map mixed by the sum of a 1x1, a 3x3 and a 5x5 convolution."""

    tap: Tap = "last"
    version = 2  # the activation is that of each branch, and ReLU in place of h-swish

    def __init__(
        self, level_channels: tuple[int, ...], level_heights: tuple[int, ...], out_channels: int, activation: str
    ) -> None:
        super().__init__(level_channels, level_heights, out_channels, activation)
        fine, middle, coarse = level_channels
        mixers = (Inception(fine + middle, fine, activation), Inception(middle + coarse, middle, activation))
        self.pyramid = TopDown(level_channels, level_heights, out_channels, activation, mixers)

    def forward(self, levels: list[Tensor]) -> Tensor:
        fused: Tensor = self.pyramid(levels)
        return fused
