"""The recogniser: the torch module that an architecture describes, from images to logits.

    images (N, 3, H, W) -> rectifier -> backbone -> neck -> pooling -> (N, T, D) -> encoder -> head -> logits (N, T, V)

Decisions:
- `forward` is exported, so it has nothing that only training needs.
- `losses` is all that a trainer needs, whatever the components are: the loss of the head plus that of the auxiliary, per line.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.auxiliaries import auxiliaries
from search_space.backbones import backbones
from search_space.contracts import Auxiliary, Backbone, BackboneRequest, Encoder, Features, Head, Neck, Pooling, Tap
from search_space.encoders import encoders
from search_space.heads import heads
from search_space.necks import necks
from search_space.poolings import poolings
from search_space.rectifiers import rectifiers


def build_component(component: Callable[..., Any], *arguments: Any) -> Any:
    """Builds a component from its class and arguments."""
    return component(*arguments)


class Recognizer(nn.Module):
    """Reads lines of text: images (N, 3, H, W) in [-1, 1] -> logits (N, T, V).

    Args:
        architecture: of the recogniser.
        symbols: characters in the charset, without blank or end of line.
        make: builds each component from its class and arguments; the size estimate builds something lighter.

    Attributes:
        contrast: how pixels become numbers: "plain", or "even" by the mean and standard deviation of each line.
    """

    contrast: Literal["plain", "even"] = "plain"

    def __init__(self, architecture: Architecture, symbols: int, make: Callable[..., Any] = build_component) -> None:
        super().__init__()
        a = architecture
        self.architecture = a
        self.symbols = symbols
        tap: Tap = "none" if a.neck == "none" else necks[a.neck].tap
        name = "timm" if a.backbone.startswith("timm/") else a.backbone
        self.rectifier = None if a.rectifier == "none" else make(rectifiers[a.rectifier], a.height_px)
        request = BackboneRequest(a.backbone, a.width_percent, a.attention, a.activation, tap, a.height_px, a.time_stride)
        self.backbone: Backbone = make(backbones[name], request)
        heights, out_channels = self.backbone.level_heights, self.backbone.out_channels
        self.neck: Neck | None = None
        if a.neck != "none":
            self.neck = make(necks[a.neck], self.backbone.level_channels, heights, out_channels, a.activation)
        self.pooling: Pooling = make(poolings[a.pooling], out_channels, (heights[-1], self.backbone.pool_width))
        self.encoder: Encoder = make(encoders[a.encoder], out_channels, a.encoder_hidden, a.encoder_layers)
        self.head: Head = make(heads[a.head], self.encoder.out_features, symbols, a.head_rank)
        self.auxiliary: Auxiliary | None = None
        if a.auxiliary != "none":
            channels = self.backbone.level_channels[0]
            self.auxiliary = make(auxiliaries[a.auxiliary], channels, out_channels, symbols, a.height_px)

    def features(self, images: Tensor) -> Features:
        """The features of all components before the head."""
        if self.rectifier is not None:
            images = self.rectifier(images)
        maps = self.backbone(images)
        fused = maps[-1] if self.neck is None else self.neck(maps)
        columns = self.pooling(fused).squeeze(2).transpose(1, 2)
        return Features(maps, fused, columns, self.encoder(columns))

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.head(self.features(images).steps)
        return logits

    def losses(self, images: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None) -> Tensor:
        """The training loss of each line.

        Args:
            images: (N, 3, H, W) in [-1, 1].
            targets: (N, L) int64, charset index + 1, padded with 0.
            lengths: (N,) int64.
            step_counts: (N,) int64, time steps that are not padding; None means all.

        Returns:
            (N,) float32.
        """
        of_head, of_auxiliary = self.loss_parts(images, targets, lengths, step_counts)
        return of_head if of_auxiliary is None else of_head + of_auxiliary

    def loss_parts(
        self, images: Tensor, targets: Tensor, lengths: Tensor, step_counts: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """The two parts of `losses`: (N,) of the head, and (N,) of the auxiliary loss, None without one."""
        seen = images if self.auxiliary is None else self.auxiliary.degrade(images)
        features = self.features(seen)
        of_head = self.head.loss(features.steps, targets, lengths, step_counts)
        if self.auxiliary is None:
            return of_head, None
        return of_head, self.auxiliary.loss(features, images, targets, lengths)


def build_recognizer(architecture: Architecture, symbols: int) -> Recognizer:
    """Builds the torch module of an architecture, with initial weights.

    Args:
        architecture: its pruning and precision are ignored, since they come after training.
        symbols: characters in the charset (a CTC head has one more class, the blank).
    """
    return Recognizer(architecture, symbols)
