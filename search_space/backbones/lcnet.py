"""PP-LCNet for text lines: depthwise-separable blocks, many branches in training and one convolution each at export.

Decisions:
- Rows at height 32: stem 16, then 8, 4 and 2 in the three coarsest stages, which necks tap; the same without a neck.
- time_stride 4 is stem 2 x last pooling 2; 8 and 12 halve the columns in the first tapped stage too, so all three levels
  keep one width, and 12 pools three columns last.
- In training, a depthwise convolution is the sum of two depthwise convolutions, a 1x1 and the input, each with BatchNorm; a
  pointwise convolution is the sum of one and the input. PP-LCNetV3 has four of each, which doubles the time of a training step
  for the 1x1 convolutions alone.
- The last stage has attention between the two convolutions, as PP-LCNet does.
- Channels are multiples of 16, as in PP-LCNetV3; the output has those of the last stage.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from search_space.activations import activations
from search_space.attentions import attentions
from search_space.backbones import backbones
from search_space.blocks import ConvBnAct, fill, make_divisible
from search_space.catalog import Citation
from search_space.contracts import Backbone, BackboneRequest

STEM_CHANNELS = 16
DEPTHWISE_BRANCHES = 2
STANDARD = "hardswish"


@dataclass(frozen=True)
class Stage:
    """Blocks of one resolution.

    Attributes:
        kernel: kernel size of the depthwise convolutions.
        out: output channels at width 100.
        blocks: number of blocks; the first one changes channels and size.
        halves: whether the first block halves the rows.
        attends: whether the blocks have attention.
    """

    kernel: int
    out: int
    blocks: int
    halves: bool = False
    attends: bool = False


STAGES = (
    Stage(3, 32, 1),
    Stage(3, 64, 2),
    Stage(3, 128, 2, halves=True),
    Stage(5, 256, 5, halves=True),
    Stage(5, 512, 4, halves=True, attends=True),
)
FIRST_TAPPED = 2
"""Index of the finest of the three stages that necks tap."""


class BranchedConv(nn.Module):
    """Parallel convolutions with BatchNorm, summed: (N, C_in, H, W) -> (N, C_out, H', W'). One convolution at export.

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel: side, odd.
        stride: (rows, columns).
        groups: `in_channels` makes it depthwise.
        branches: how many branches of the full kernel.

    Source: RepVGG (https://arxiv.org/abs/2101.03697) and MobileOne (https://arxiv.org/abs/2206.04040).
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, stride: tuple[int, int], groups: int = 1, branches: int = 1
    ) -> None:
        super().__init__()
        sides = [kernel] * branches + [1] * (kernel > 1)
        self.branches = nn.ModuleList(
            nn.Sequential(
                fill(nn.Conv2d(in_channels, out_channels, side, stride, side // 2, groups=groups, bias=False)),
                nn.BatchNorm2d(out_channels),
            )
            for side in sides
        )
        self.same = nn.BatchNorm2d(in_channels) if in_channels == out_channels and stride == (1, 1) else None

    def forward(self, x: Tensor) -> Tensor:
        total: Tensor = self.branches[0](x)
        for branch in list(self.branches)[1:]:
            total = total + branch(x)
        return total if self.same is None else total + self.same(x)

    def fused_for_export(self) -> nn.Module:
        """The single convolution, with bias, that computes the same in eval mode."""
        first = self.branch_layers()[0][0]
        (rows, columns), (down, across) = first.kernel_size, first.stride
        fused = nn.Conv2d(
            first.in_channels,
            first.out_channels,
            (rows, columns),
            (down, across),
            (rows // 2, columns // 2),
            groups=first.groups,
            device=first.weight.device,
        )
        if not first.weight.is_meta:  # the meta device has no values to add up
            weight, bias = self._summed()
            fused.load_state_dict({"weight": weight, "bias": bias})
        return fused

    def branch_layers(self) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
        """The branches' layers."""
        return [(branch[0], branch[1]) for branch in self.branches]  # type: ignore[index]

    def _summed(self) -> tuple[Tensor, Tensor]:
        """Weight and bias of all branches together, float64."""
        weight = torch.zeros_like(self.branch_layers()[0][0].weight, dtype=torch.float64)
        bias = torch.zeros_like(weight[:, 0, 0, 0])
        middle = weight.shape[2] // 2
        for convolution, norm in self.branch_layers():
            scale, shift = _scale_and_shift(norm)
            reach = convolution.weight.shape[2] // 2
            window = slice(middle - reach, middle + reach + 1)
            weight[:, :, window, window] += convolution.weight.detach().double() * scale[:, None, None, None]
            bias += shift
        if self.same is not None:
            scale, shift = _scale_and_shift(self.same)
            channels = torch.arange(weight.shape[0], device=weight.device)
            weight[channels, channels % weight.shape[1], middle, middle] += scale
            bias += shift
        return weight, bias


def _scale_and_shift(norm: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """What a BatchNorm does to each channel in eval mode: x * scale + shift."""
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight.detach().double() / torch.sqrt(norm.running_var.double() + norm.eps)
    return scale, norm.bias.detach().double() - norm.running_mean.double() * scale


class Block(nn.Module):
    """Depthwise convolution, attention where the stage has it, pointwise convolution."""

    def __init__(
        self, in_channels: int, out_channels: int, stage: Stage, stride: tuple[int, int], request: BackboneRequest
    ) -> None:
        super().__init__()
        activation = activations[request.activation]
        self.depthwise = BranchedConv(in_channels, in_channels, stage.kernel, stride, in_channels, DEPTHWISE_BRANCHES)
        self.bend = activation(in_channels, STANDARD)
        self.attention = attentions[request.attention](in_channels) if stage.attends else nn.Identity()
        self.pointwise = BranchedConv(in_channels, out_channels, 1, (1, 1))
        self.bend_again = activation(out_channels, STANDARD)

    def forward(self, x: Tensor) -> Tensor:
        x = self.attention(self.bend(self.depthwise(x)))
        out: Tensor = self.bend_again(self.pointwise(x))
        return out


@backbones.register(
    "lcnet", Citation("PP-LCNet: A Lightweight CPU Convolutional Neural Network", 2021, "https://arxiv.org/abs/2109.15099")
)
class LcNet(Backbone):
    """14 blocks in five stages, after PP-LCNetV3 (PaddleOCR, PP-OCRv4)."""

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__(request)
        self.pool_width = 3 if request.time_stride == 12 else 2
        widths = [make_divisible(stage.out * request.width_percent / 100, 16) for stage in STAGES]
        channels, height = make_divisible(STEM_CHANNELS * request.width_percent / 100, 16), request.height_px // 2
        self.stem = ConvBnAct(3, channels, 3, 2, activation=request.activation, standard=STANDARD)
        self.stages = nn.ModuleList()
        heights = []
        for index, stage in enumerate(STAGES):
            count = 1 if request.tap == "first" and index == len(STAGES) - 1 else stage.blocks
            halves_columns = index == FIRST_TAPPED and request.time_stride > 4
            stride = (2 if stage.halves else 1, 2 if halves_columns else 1)
            ins = [channels, *[widths[index]] * (count - 1)]
            blocks = [Block(c, widths[index], stage, stride if i == 0 else (1, 1), request) for i, c in enumerate(ins)]
            self.stages.append(nn.ModuleList(blocks))
            channels, height = widths[index], height // stride[0]
            heights.append(height)
        self.tap = request.tap
        self.out_channels = widths[-1]
        tapped = slice(-1 if request.tap == "none" else FIRST_TAPPED, None)
        self.level_channels, self.level_heights = tuple(widths[tapped]), tuple(heights[tapped])

    def forward(self, images: Tensor) -> list[Tensor]:
        x: Tensor = self.stem(images)
        maps: list[Tensor] = []
        for stage in self.stages:
            firsts = []
            for block in stage:  # type: ignore[attr-defined]
                x = block(x)
                firsts.append(x)
            maps.append(firsts[0] if self.tap == "first" else x)
        return maps[-len(self.level_channels) :]
