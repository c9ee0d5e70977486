"""FPN-A: each map is concatenated with the next coarser one; maps are from the first block of each stage."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Neck, Tap
from search_space.necks import necks
from search_space.necks._pyramid import LATERAL, Fuse, RepeatRows, check_rows


@necks.register("fpn_a", Citation("Feature Pyramid Networks for Object Detection", 2016, "https://arxiv.org/abs/1612.03144"))
class FpnA(Neck):
    """Concatenates each map with the next coarser one, whose rows are repeated; a strided 3x3 convolution follows.

    Finer maps do not receive mixed coarser ones. All three maps are concatenated and mixed by a 1x1 convolution.
    """

    tap: Tap = "first"
    version = 2  # ReLU in place of h-swish, as in the published models

    def __init__(
        self, level_channels: tuple[int, ...], level_heights: tuple[int, ...], out_channels: int, activation: str
    ) -> None:
        super().__init__(level_channels, level_heights, out_channels, activation)
        check_rows(level_heights)
        self.repeats = nn.ModuleList(RepeatRows(level_heights[i] // level_heights[i + 1]) for i in (0, 1))
        self.lowers = nn.ModuleList(
            ConvBnAct(
                level_channels[i] + level_channels[i + 1],
                level_channels[i],
                3,
                (level_heights[i] // level_heights[-1], 1),
                activation=activation,
                standard=LATERAL,
            )
            for i in (0, 1)
        )
        self.fuse = Fuse(level_channels, out_channels, activation)

    def forward(self, levels: list[Tensor]) -> Tensor:
        beside = [torch.cat([levels[i], self.repeats[i](levels[i + 1])], dim=1) for i in (0, 1)]
        fused: Tensor = self.fuse([self.lowers[0](beside[0]), self.lowers[1](beside[1]), levels[2]])
        return fused
