"""ResNet18-vd with text-line strides.

Decisions:
- The stem is three 3x3 convolutions at the image's own size; a 3x3 max pool halves both sides after them.
- Stages 3, 4 and 5 halve the rows: 8, 4 and 2 at height 32. A shortcut that halves the rows has an average pool before its 1x1.
- time_stride 4 is max pool 2 x last pooling 2; 8 and 12 halve the columns at stage 3 too, and 12 pools three columns last.
- An attention other than "none" is applied in every block, before the sum.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from search_space.activations import activations
from search_space.attentions import attentions
from search_space.backbones import backbones
from search_space.blocks import ConvBnAct, scaled
from search_space.catalog import Citation
from search_space.contracts import Backbone, BackboneRequest

STEM = (32, 32, 64)
STAGES = {2: 64, 3: 128, 4: 256, 5: 512}
BLOCKS = 2
"""Number of blocks in a stage, as in the paper."""


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut, which is a 1x1 convolution where `projects`."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: tuple[int, int], projects: bool, request: BackboneRequest
    ) -> None:
        super().__init__()
        self.first = ConvBnAct(in_channels, out_channels, 3, stride, activation=request.activation, standard="relu")
        self.second = ConvBnAct(out_channels, out_channels, 3)
        self.attention = attentions[request.attention](out_channels)
        self.pool = nn.Identity() if stride == (1, 1) else nn.AvgPool2d(stride, stride)
        self.shortcut = ConvBnAct(in_channels, out_channels, 1) if projects else nn.Identity()
        self.activation = activations[request.activation](out_channels, "relu")

    def forward(self, x: Tensor) -> Tensor:
        changed = self.attention(self.second(self.first(x)))
        out: Tensor = self.activation(changed + self.shortcut(self.pool(x)))
        return out


@backbones.register(
    "resnet18",
    Citation(
        "Bag of Tricks for Image Classification with Convolutional Neural Networks", 2018, "https://arxiv.org/abs/1812.01187"
    ),
)
class ResNet18(Backbone):
    """Eight blocks in four stages; maps 8, 4 and 2 rows high at height 32."""

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__(request)
        self.pool_width = 3 if request.time_stride == 12 else 2
        act, percent = request.activation, request.width_percent
        widths = [scaled(c, percent) for c in STEM]
        self.stem = nn.Sequential(
            *(ConvBnAct(i, o, 3, activation=act, standard="relu") for i, o in zip([3, *widths[:-1]], widths, strict=True))
        )
        channels, height = widths[-1], (request.height_px + 1) // 2
        self.blocks = nn.ModuleList()
        tapped, level_channels, level_heights = [], [], []
        for stage, paper_channels in STAGES.items():
            for index in range(BLOCKS):
                starts = index == 0
                rows = 2 if starts and stage > 2 else 1
                columns = 2 if starts and stage == 3 and request.time_stride > 4 else 1
                out = scaled(paper_channels, percent)
                self.blocks.append(BasicBlock(channels, out, (rows, columns), starts, request))
                channels, height = out, height // rows
                if stage > 2 and starts == (request.tap == "first"):
                    tapped.append(len(self.blocks) - 1)
                    level_channels.append(channels)
                    level_heights.append(height)
        self.taps = tapped[-1:] if request.tap == "none" else tapped
        self.blocks = self.blocks[: tapped[-1] + 1]
        kept = len(self.taps)
        self.level_channels, self.level_heights = tuple(level_channels[-kept:]), tuple(level_heights[-kept:])
        self.out_channels = channels

    def forward(self, images: Tensor) -> list[Tensor]:
        x = F.max_pool2d(self.stem(images), 3, 2, 1)
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                maps.append(x)
        return maps
