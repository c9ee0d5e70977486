"""The contract of each kind of component: constructor arguments, input and output shapes, and what callers may rely on.

Shapes: N images, C channels, H rows, W columns; T time steps of D features; V logits per step of the head; L target length.
Every component works at any W (a multiple of the time stride) and any N, exports to ONNX with both dynamic, and is
deterministic in eval mode. Its class and its constructor arguments alone determine its layers, because file sizes are estimated
before training and cached by class and arguments. All random numbers come from torch's generator. Weights that only training
uses are not exported (a method `fused_for_export` drops them, see `search_space.fusing`).

`tests/search_space/test_contracts.py` checks all components, with the suites in `testing/component_contract.py` and
`testing/network_contract.py`.

Activations, necks, rectifiers and auxiliaries have a `version`. Raise it when the same weights compute something else, or are
trained in another way: then no training is continued from a checkpoint of the version before (`component_versions`). Exported
files are not affected.
"""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor, nn

Tap = Literal["none", "first", "last"]
"""The blocks of a backbone whose feature maps a neck reads: see `BackboneRequest.tap`."""


class Activation(nn.Module):
    """An activation: elementwise (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.
        standard: name of the activation that the backbone's paper uses at this place, for example "relu" or "hardswish".

    Attributes:
        prunable: see `Backbone`.
        version: see above.
    """

    prunable: ClassVar[bool] = True
    version: ClassVar[int] = 1

    def __init__(self, channels: int, standard: str) -> None:
        super().__init__()


class Attention(nn.Module):
    """A channel or spatial attention: scales (N, C, H, W) -> (N, C, H, W).

    Args:
        channels: C.

    Attributes:
        prunable: see `Backbone`.
    """

    prunable: ClassVar[bool] = True

    def __init__(self, channels: int) -> None:
        super().__init__()


@dataclass(frozen=True)
class BackboneRequest:
    """The arguments of a backbone's constructor.

    Attributes:
        name: the name in the backbones catalog; the whole of `timm/<model>` for a timm model.
        width_percent: number of channels, in percent of the paper's.
        attention: a name in the attentions catalog.
        activation: a name in the activations catalog.
        tap: "none" returns one map with `out_channels`, after the last 1x1 expansion where the paper has one.
            "first" and "last" return three maps, finest first: of the first or last block of the three coarsest stages,
            without any blocks after the last of them.
        height_px: rows of the input.
        time_stride: columns of the input per time step of the whole recogniser.
    """

    name: str
    width_percent: int
    attention: str
    activation: str
    tap: Tap
    height_px: int
    time_stride: int


class Backbone(nn.Module):
    """A backbone: images (N, 3, H, W) -> list of feature maps, finest first: one map with tap "none", else three.

    The maps have W / (time_stride / pool_width) columns; the last pooling divides them by `pool_width`.

    Args:
        request: name, width, components and input size.

    Attributes:
        level_channels: C of each map.
        level_heights: rows of each map at `height_px`; each is a multiple of the next.
        out_channels: C of the input of the last pooling: that of the only map, or the one that the neck must produce.
        pool_width: columns of the window of the last pooling (1, 2 or 3).
        prunable: whether torch-pruning can remove channels of the maps that it takes and gives. An architecture that is pruned
            and has a component that declares False is refused.
    """

    prunable: ClassVar[bool] = True
    level_channels: tuple[int, ...]
    level_heights: tuple[int, ...]
    out_channels: int
    pool_width: int

    def __init__(self, request: BackboneRequest) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, images: Tensor) -> list[Tensor]: ...


class Neck(nn.Module):
    """A neck: three maps, finest first -> one map (N, out_channels, rows of the coarsest map, W).

    Args:
        level_channels: C of each map, as in `Backbone.level_channels`.
        level_heights: rows of each map, as in `Backbone.level_heights`.
        out_channels: C of the result.
        activation: a name in the activations catalog.

    Attributes:
        tap: the blocks of the backbone whose maps it reads, "first" or "last"; with "none" there is no neck.
        prunable: see `Backbone`.
        version: see above.
    """

    prunable: ClassVar[bool] = True
    version: ClassVar[int] = 1
    tap: Tap

    def __init__(
        self, level_channels: tuple[int, ...], level_heights: tuple[int, ...], out_channels: int, activation: str
    ) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, levels: list[Tensor]) -> Tensor: ...


class Pooling(nn.Module):
    """A pooling with equal window and stride: (N, C, H, W) -> (N, C, H / kernel[0], W / kernel[1]).

    Args:
        channels: C.
        kernel: (rows, columns) of the window; rows equals H, so one row is left.

    Attributes:
        prunable: see `Backbone`.
    """

    prunable: ClassVar[bool] = True

    def __init__(self, channels: int, kernel: tuple[int, int]) -> None:
        super().__init__()


class Encoder(nn.Module):
    """A sequence encoder: (N, T, D) -> (N, T, out_features).

    Args:
        in_features: D.
        hidden: features per direction of a recurrent encoder, or block width; 0 with "none".
        layers: number of stacked layers or blocks; 0 with "none".

    Attributes:
        out_features: features per time step of the result.
    """

    out_features: int

    def __init__(self, in_features: int, hidden: int, layers: int) -> None:
        super().__init__()


class Head(nn.Module):
    """A head: time steps (N, T, D) -> logits (N, steps, V), and their loss.

    Index 0 is the blank (ctc) or the end of the line (attention); character k of the charset (from 0) is index k + 1.
    Attention heads may have further indices after those of the charset, which are never targets.

    Args:
        in_features: D.
        symbols: number of characters in the charset.
        rank: `Architecture.head_rank`: width of the low-rank bottleneck or of the decoder; 0 with `ctc`.

    Attributes:
        decoding: how logits are decoded to text: "ctc" (merge repeats, then drop 0) or "attention" (stop at 0).
    """

    decoding: Literal["ctc", "attention"]

    def __init__(self, in_features: int, symbols: int, rank: int) -> None:
        super().__init__()

    @abstractmethod
    def forward(self, steps: Tensor) -> Tensor: ...

    @abstractmethod
    def loss(self, steps: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None) -> Tensor:
        """Computes the loss of each line.

        Args:
            steps: (N, T, D).
            targets: (N, L) int64 indices (charset index + 1), padded with 0.
            lengths: (N,) int64, number of characters of each target.
            step_counts: (N,) int64, time steps of each line without padding; None means all T.

        Returns:
            (N,) float32, not divided by the length of the line.
        """


class Rectifier(nn.Module):
    """A rectifier, which straightens lines: (N, 3, H, W) -> (N, 3, H, W).

    Args:
        height_px: H.

    Attributes:
        version: see above.
    """

    version: ClassVar[int] = 1

    def __init__(self, height_px: int) -> None:
        super().__init__()


@dataclass(frozen=True)
class Features:
    """The features of a forward pass that an auxiliary loss may use.

    Attributes:
        maps: the backbone's maps, finest first.
        fused: (N, C, H', W') before the last pooling.
        columns: (N, T, D) after the last pooling, before the encoder.
        steps: (N, T, D') after the encoder.
    """

    maps: list[Tensor]
    fused: Tensor
    columns: Tensor
    steps: Tensor


class Auxiliary(nn.Module):
    """An auxiliary loss, which is added to the head's loss in training and left out of the exported file.

    Args:
        map_channels: C of the first (finest) of `Features.maps`.
        column_features: D of `Features.columns`.
        symbols: number of characters in the charset.
        height_px: H of the images.

    Attributes:
        version: see above.
    """

    version: ClassVar[int] = 1

    def __init__(self, map_channels: int, column_features: int, symbols: int, height_px: int) -> None:
        super().__init__()

    def degrade(self, images: Tensor) -> Tensor:
        """The images that the recogniser gets in training instead of `images`; by default `images` themselves."""
        return images

    @abstractmethod
    def loss(self, features: Features, images: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        """Computes the auxiliary loss of each line.

        Args:
            features: features of the forward pass.
            images: (N, 3, H, W), before `degrade`.
            targets: (N, L) int64 indices (charset index + 1), padded with 0.
            lengths: (N,) int64, number of characters of each target.

        Returns:
            (N,) float32, already weighted, to be added to the head's loss.
        """
