"""MobileNetV3 with text-line strides: rows are halved at every stage, columns only by the stem.

Decisions:
- Rows at height 32: stem 16, then 8, 4 and 2. The small one halves them once more in its first bottleneck, as its paper does,
  unless a neck taps it: then that bottleneck keeps the rows, so that the tapped maps are 8, 4 and 2 high.
- time_stride 4 is stem 2 x last pooling 2; 8 and 12 halve the columns in the first block of the first tapped stage too (so all
  three levels keep one width) and 12 pools three columns last.
- Behind the last tapped block nothing is built, so no weight is stored that never reaches the output.
- Every bottleneck has its 1x1 expansion, the first one included, where input and expansion are equally wide.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from search_space.attentions import attentions
from search_space.backbones import backbones
from search_space.blocks import ConvBnAct, scaled
from search_space.catalog import Citation
from search_space.contracts import Backbone, BackboneRequest

PAPER = Citation("Searching for MobileNetV3", 2019, "https://arxiv.org/abs/1905.02244")
STEM_CHANNELS = 16


@dataclass(frozen=True)
class Row:
    """One bottleneck of the paper's tables.

    Attributes:
        stage: 2 to 5; the first row of a stage from 3 on halves the rows.
        kernel: side of the depthwise convolution.
        expanded: channels inside.
        out: channels out.
        excited: whether it has squeeze-and-excitation.
        standard: its activation in the paper.
    """

    stage: int
    kernel: int
    expanded: int
    out: int
    excited: bool
    standard: Literal["relu", "hardswish"]


SMALL = (
    Row(2, 3, 16, 16, True, "relu"),
    Row(3, 3, 72, 24, False, "relu"),
    Row(3, 3, 88, 24, False, "relu"),
    Row(4, 5, 96, 40, True, "hardswish"),
    Row(4, 5, 240, 40, True, "hardswish"),
    Row(4, 5, 240, 40, True, "hardswish"),
    Row(4, 5, 120, 48, True, "hardswish"),
    Row(4, 5, 144, 48, True, "hardswish"),
    Row(5, 5, 288, 96, True, "hardswish"),
    Row(5, 5, 576, 96, True, "hardswish"),
    Row(5, 5, 576, 96, True, "hardswish"),
)
LARGE = (
    Row(2, 3, 16, 16, False, "relu"),
    Row(3, 3, 64, 24, False, "relu"),
    Row(3, 3, 72, 24, False, "relu"),
    Row(4, 5, 72, 40, True, "relu"),
    Row(4, 5, 120, 40, True, "relu"),
    Row(4, 5, 120, 40, True, "relu"),
    Row(4, 3, 240, 80, False, "hardswish"),
    Row(4, 3, 200, 80, False, "hardswish"),
    Row(4, 3, 184, 80, False, "hardswish"),
    Row(4, 3, 184, 80, False, "hardswish"),
    Row(4, 3, 480, 112, True, "hardswish"),
    Row(4, 3, 672, 112, True, "hardswish"),
    Row(5, 5, 672, 160, True, "hardswish"),
    Row(5, 5, 960, 160, True, "hardswish"),
    Row(5, 5, 960, 160, True, "hardswish"),
)


class Bottleneck(nn.Module):
    """1x1 expansion, depthwise convolution, attention where the paper has it, 1x1 projection, shortcut where shapes allow.

    PaddleOCR, which trained the published models, leaves out one shortcut: that of the first block of the small size under a
    neck, whose stride it writes as a pair and then compares with a number. A shortcut has no weights.
    """

    def __init__(self, in_channels: int, row: Row, stride: tuple[int, int], request: BackboneRequest) -> None:
        super().__init__()
        expanded, out = scaled(row.expanded, request.width_percent), scaled(row.out, request.width_percent)
        act, standard = request.activation, row.standard
        self.expand = ConvBnAct(in_channels, expanded, 1, activation=act, standard=standard)
        self.depthwise = ConvBnAct(expanded, expanded, row.kernel, stride, groups=expanded, activation=act, standard=standard)
        self.attention = attentions[request.attention](expanded) if row.excited else nn.Identity()
        self.project = ConvBnAct(expanded, out, 1)
        self.shortcut = stride == (1, 1) and in_channels == out

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.project(self.attention(self.depthwise(self.expand(x))))
        return x + out if self.shortcut else out


class MobileNetV3(Backbone):
    """The common body of the two sizes.

    Args:
        request: what is asked for.
        rows: the paper's table.
        first_halves: whether the first bottleneck halves the rows when no neck taps the maps.
    """

    def __init__(self, request: BackboneRequest, rows: tuple[Row, ...], first_halves: bool) -> None:
        super().__init__(request)
        self.pool_width = 3 if request.time_stride == 12 else 2
        act = request.activation
        channels, height = scaled(STEM_CHANNELS, request.width_percent), (request.height_px + 1) // 2
        self.stem = ConvBnAct(3, channels, 3, 2, activation=act, standard="hardswish")
        self.blocks = nn.ModuleList()
        heights, widths = [], []
        for index, row in enumerate(rows[: _built(rows, request.tap)]):
            starts = index > 0 and row.stage != rows[index - 1].stage
            halves = starts or (index == 0 and first_halves and request.tap == "none")
            columns = 2 if starts and row.stage == 3 and request.time_stride > 4 else 1
            self.blocks.append(Bottleneck(channels, row, (2 if halves else 1, columns), request))
            channels, height = scaled(row.out, request.width_percent), (height + 1) // 2 if halves else height
            heights.append(height)
            widths.append(channels)
        self.out_channels = scaled(rows[-1].expanded, request.width_percent)
        self.taps = _tapped(rows, request.tap)
        if self.taps:
            self.last: nn.Module | None = None
            self.level_channels = tuple(widths[i] for i in self.taps)
            self.level_heights = tuple(heights[i] for i in self.taps)
        else:
            self.last = ConvBnAct(channels, self.out_channels, 1, activation=act, standard="hardswish")
            self.level_channels, self.level_heights = (self.out_channels,), (height,)

    def forward(self, images: Tensor) -> list[Tensor]:
        x: Tensor = self.stem(images)
        maps: list[Tensor] = []
        for index, block in enumerate(self.blocks):
            x = block(x)
            if index in self.taps:
                maps.append(x)
        return maps if self.last is None else [self.last(x)]


def _tapped(rows: tuple[Row, ...], tap: str) -> tuple[int, ...]:
    """Indices of the first or last rows of stages 3, 4 and 5; none without a neck."""
    if tap == "none":
        return ()
    of_stage = [[index for index, row in enumerate(rows) if row.stage == stage] for stage in (3, 4, 5)]
    return tuple(indices[0 if tap == "first" else -1] for indices in of_stage)


def _built(rows: tuple[Row, ...], tap: str) -> int:
    """How many rows lead to the output."""
    return len(rows) if tap == "none" else _tapped(rows, tap)[-1] + 1


@backbones.register("mobilenetv3_small", PAPER)
class MobileNetV3Small(MobileNetV3):
    """11 bottlenecks."""

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__(request, SMALL, first_halves=True)


@backbones.register("mobilenetv3_large", PAPER)
class MobileNetV3Large(MobileNetV3):
    """15 bottlenecks."""

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__(request, LARGE, first_halves=False)
