"""FPN-C: 1x1 convolutions from coarse to fine, on the last block of each stage."""

from __future__ import annotations

from torch import Tensor

from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Neck, Tap
from search_space.necks import necks
from search_space.necks._pyramid import LATERAL, TopDown


@necks.register("fpn_c", Citation("Feature Pyramid Networks for Object Detection", 2016, "https://arxiv.org/abs/1612.03144"))
class FpnC(Neck):
    """A 1x1 convolution mixes each map with the mixed coarser one; a 3x3 strides the result to the coarsest's rows."""

    tap: Tap = "last"
    version = 2  # ReLU in place of h-swish, as in the published models

    def __init__(
        self, level_channels: tuple[int, ...], level_heights: tuple[int, ...], out_channels: int, activation: str
    ) -> None:
        super().__init__(level_channels, level_heights, out_channels, activation)
        fine, middle, coarse = level_channels
        mixers = (
            ConvBnAct(fine + middle, fine, 1, activation=activation, standard=LATERAL),
            ConvBnAct(middle + coarse, middle, 1, activation=activation, standard=LATERAL),
        )
        self.pyramid = TopDown(level_channels, level_heights, out_channels, activation, mixers)

    def forward(self, levels: list[Tensor]) -> Tensor:
        fused: Tensor = self.pyramid(levels)
        return fused
