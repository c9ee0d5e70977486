"""Building blocks of several components: convolution with BatchNorm and activation, and scaled channel counts."""

from __future__ import annotations

from torch import Tensor, nn

from search_space.activations import activations

Pair = int | tuple[int, int]


def make_divisible(channels: float, divisor: int = 8) -> int:
    """The multiple of `divisor` nearest to `channels`, at least `divisor` and never more than 10 % below.

    Source: MobileNet reference code (tensorflow/models, research/slim/nets/mobilenet).
    """
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded if rounded >= 0.9 * channels else rounded + divisor


def scaled(channels: int, width_percent: int) -> int:
    """Channels of a layer at a width, as a multiple of 8."""
    return make_divisible(channels * width_percent / 100)


def fill(convolution: nn.Conv2d) -> nn.Conv2d:
    """Initialises a convolution so that a ReLU after it keeps the variance, also if it is depthwise (He et al. 2015)."""
    if convolution.weight.is_meta:  # nothing to fill, and torch would load its Python reference functions, which takes a second
        return convolution
    nn.init.kaiming_normal_(convolution.weight, mode="fan_in", nonlinearity="relu")
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


class ConvBnAct(nn.Module):
    """Convolution without bias, BatchNorm, and an activation if one is named: (N, C_in, H, W) -> (N, C_out, H', W').

    Args:
        in_channels: C_in.
        out_channels: C_out.
        kernel: rows and columns: one number for both, or a pair.
        stride: the same.
        padding: the same; None keeps the size at stride 1, for odd kernels.
        groups: `in_channels` makes it depthwise.
        activation: a name in the activations catalog; None leaves the activation out.
        standard: the activation of the paper at this place ("relu", "hardswish"), for activation "standard".
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: Pair,
        stride: Pair = 1,
        padding: Pair | None = None,
        groups: int = 1,
        activation: str | None = None,
        standard: str = "relu",
    ) -> None:
        super().__init__()
        rows, columns = kernel if isinstance(kernel, tuple) else (kernel, kernel)
        padding = (rows // 2, columns // 2) if padding is None else padding
        self.conv = fill(nn.Conv2d(in_channels, out_channels, (rows, columns), stride, padding, groups=groups, bias=False))
        self.bn = nn.BatchNorm2d(out_channels)
        self.activation = nn.Identity() if activation is None else activations[activation](out_channels, standard)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.bn(self.conv(x)))
        return out
