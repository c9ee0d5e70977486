"""What a component of each kind takes, gives and promises: the one place where it is stated.

Shapes: N images, C channels, H rows, W columns; T time steps of D features; V symbols out of the head; L target length.
Every component works at any W (a multiple of the time stride) and any N, exports to ONNX with both dynamic, and is
deterministic in eval mode. What it is built of follows from its class and its arguments alone: sizes told before training are
read off once for each of these. `tests/search_space/test_contracts.py` holds every catalog to it.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

Tap = Literal["none", "first", "last"]


class Activation(nn.Module):
    """Elementwise (N, C, H, W) -> (N, C, H, W).

    Args of the constructor:
        channels: C.
        standard: what the backbone's paper uses at this place, "relu" or "hardswish" (or another name it knows).
    """

    def __init__(self, channels: int, standard: str) -> None:
        super().__init__()


class Attention(nn.Module):
    """Reweights (N, C, H, W) -> (N, C, H, W).

    Args of the constructor:
        channels: C.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()


@dataclass(frozen=True)
class BackboneRequest:
    """What a backbone is asked to be.

    Attributes:
        name: the name in the catalog; for `timm/<model>` the whole of it.
        width_percent: channels in percent of the paper's.
        attention: a name in the attentions catalog.
        activation: a name in the activations catalog.
        tap: "none": one map with `out_channels` (the last 1x1 expansion included, where the paper has one);
            "first" or "last": three maps, of the first or last block of the three coarsest stages, finest first,
            and no blocks behind the last tapped one.
        height_px: input rows.
        time_stride: input columns per time step of the whole recogniser.
    """

    name: str
    width_percent: int
    attention: str
    activation: str
    tap: Tap
    height_px: int
    time_stride: int


class Backbone(nn.Module):
    """Image (N, 3, H, W) -> list of maps, finest first: one with tap "none", else three.

    Maps have W / (time_stride / pool_width) columns; the last pooling divides them by `pool_width`.

    Attributes:
        level_channels: C of each map returned.
        level_heights: rows of each map returned at `height_px`; each a multiple of the next.
        out_channels: C that reaches the pooling: the last map's, or what a neck must produce.
        pool_width: columns the last pooling takes together (1, 2 or 3).
    """

    level_channels: tuple[int, ...]
    level_heights: tuple[int, ...]
    out_channels: int
    pool_width: int

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]: ...


class Neck(nn.Module):
    """Three maps, finest first -> one map (N, out_channels, rows of the coarsest, W).

    Args of the constructor:
        level_channels, level_heights: as the backbone gives them.
        out_channels: channels to produce.
        activation: a name in the activations catalog.

    Attributes:
        tap: which blocks of the backbone it wants, "first" or "last" ("none" needs no neck object).
    """

    tap: Tap

    def __init__(
        self, level_channels: tuple[int, ...], level_heights: tuple[int, ...], out_channels: int, activation: str
    ) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, levels: list[Tensor]) -> Tensor: ...


class Pooling(nn.Module):
    """Pools (N, C, H, W) -> (N, C, H / kernel[0], W / kernel[1]), window = stride.

    Args of the constructor:
        channels: C.
        kernel: (rows, columns) taken together; rows is all there are, so one row is left.
    """

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()


class Encoder(nn.Module):
    """Relates time steps: (N, T, D) -> (N, T, out_features).

    Args of the constructor:
        in_features: D.
        hidden: features per direction, or block width; 0 with "none".
        layers: how many are stacked; 0 with "none".
    """

    out_features: int

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__()


class Head(nn.Module):
    """Time steps (N, T, D) -> logits (N, steps, V), and the loss of them.

    Index 0 is the blank (ctc) or the end of the line (attention); symbol k of the charset (from 0) is index k + 1.
    Attention heads may have further indices after the symbols that are never targets.

    Args of the constructor:
        in_features: D.
        symbols: characters in the charset.
        rank: `head_rank` of the architecture.

    Attributes:
        decoding: how logits become text, "ctc" (collapse repeats, drop 0) or "attention" (stop at 0).
    """

    decoding: Literal["ctc", "attention"]

    def __init__(self, in_features: int, symbols: int, rank: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, steps: Tensor) -> Tensor: ...

    @abstractmethod
    def loss(self, steps: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None) -> Tensor:
        """Loss of each line.

        Args:
            steps: (N, T, D).
            targets: (N, L) int64 indices (charset index + 1), padded with 0.
            lengths: (N,) int64, true lengths.
            step_counts: (N,) int64, time steps that hold image and not padding; None means all T.

        Returns:
            (N,) float32, not divided by the length.
        """


class Rectifier(nn.Module):
    """Straightens (N, 3, H, W) -> (N, 3, H, W).

    Args of the constructor:
        height_px: H.
    """

    def __init__(self, height_px: int) -> None:
        super().__init__()


@dataclass(frozen=True)
class Features:
    """What an auxiliary loss may look at.

    Attributes:
        maps: the backbone's maps, finest first.
        fused: (N, C, H', W') before the last pooling.
        columns: (N, T, D) after it, before the encoder.
        steps: (N, T, D') after the encoder.
    """

    maps: list[Tensor]
    fused: Tensor
    columns: Tensor
    steps: Tensor


class Auxiliary(nn.Module):
    """A second loss.

    Args of the constructor:
        map_channels: C of the first (finest) of `Features.maps`.
        column_features: D of `Features.columns`.
        symbols: characters in the charset.
        height_px: H of the images.
    """

    def __init__(self, map_channels: int, column_features: int, symbols: int, height_px: int) -> None:
        super().__init__()

    def degrade(self, images: Tensor) -> Tensor:
        """What the recogniser sees in training instead of `images`; the same by default."""
        return images

    @abstractmethod
    def loss(self, features: Features, images: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """(N,) loss of each line, already weighted, to be added to the head's."""
