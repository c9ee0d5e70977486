"""Modules of the pyramid necks: repeating rows to match a finer map, fusing three maps, and the top-down path."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.blocks import ConvBnAct

LATERAL, FUSED = "relu", "hardswish"
"""Activations of a neck when the field is "standard", as in the published models: of the lateral and strided convolutions, and
of the 1x1 convolution that fuses the maps."""


def check_rows(level_heights: tuple[int, ...]) -> None:
    """Raises ValueError unless there are three levels and the rows of each are a multiple of the rows of the next."""
    if len(level_heights) != 3 or any(level_heights[i] % level_heights[i + 1] for i in (0, 1)):
        raise ValueError(
            f"a pyramid needs three levels, each with a multiple of the next one's rows, such as (8, 4, 2), not {level_heights}"
        )


class RepeatRows(nn.Module):
    """Repeats each row `times` times: (N, C, H, W) -> (N, C, H * times, W), any W."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times = times

    def forward(self, x: Tensor) -> Tensor:
        return x if self.times == 1 else F.interpolate(x, scale_factor=(float(self.times), 1.0), mode="nearest")


class Fuse(nn.Module):
    """Concatenates three maps with equal rows; a 1x1 convolution makes `out_channels` of them."""

    def __init__(self, level_channels: tuple[int, ...], out_channels: int, activation: str) -> None:
        super().__init__()
        self.mix = ConvBnAct(sum(level_channels), out_channels, 1, activation=activation, standard=FUSED)

    def forward(self, maps: list[Tensor]) -> Tensor:
        out: Tensor = self.mix(torch.cat(maps, dim=1))
        return out


class TopDown(nn.Module):
    """FPN-C and FPN-D: each finer map is mixed with the mixed coarser one, then strided down to the coarsest's rows.

    Args:
        level_channels: C of the three levels, finest first.
        level_heights: their rows.
        out_channels: channels to produce.
        activation: a name in the activations catalog.
        mixers: for the finest and the middle level, the module that reduces the concatenation to the channels of the level.
    """

    def __init__(
        self,
        level_channels: tuple[int, ...],
        level_heights: tuple[int, ...],
        out_channels: int,
        activation: str,
        mixers: tuple[nn.Module, nn.Module],
    ) -> None:
        super().__init__()
        check_rows(level_heights)
        self.mixers = nn.ModuleList(mixers)
        self.repeats = nn.ModuleList(RepeatRows(level_heights[i] // level_heights[i + 1]) for i in (0, 1))
        self.lowers = nn.ModuleList(
            ConvBnAct(c, c, 3, (rows // level_heights[-1], 1), activation=activation, standard=LATERAL)
            for c, rows in zip(level_channels[:2], level_heights[:2], strict=True)
        )
        self.fuse = Fuse(level_channels, out_channels, activation)

    def forward(self, levels: list[Tensor]) -> Tensor:
        maps, coarser = [levels[2]], levels[2]
        for i in (1, 0):
            coarser = self.mixers[i](torch.cat([levels[i], self.repeats[i](coarser)], dim=1))
            maps.insert(0, self.lowers[i](coarser))
        fused: Tensor = self.fuse(maps)
        return fused
