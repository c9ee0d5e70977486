"""PlugNet's branch: reconstructs the sharp image from the finest feature map of a blurred image.

Decisions:
- It needs a feature map with several rows, so there must be a neck. The map must be aligned with the image, so there can be no
  rectifier (`search_space.rules`).
- Each image gets its own random blur, from none to strong, because test images are sharp as well.
- The weight is that of the seed: 0.01 of the mean absolute difference of pixels in [-1, 1].
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.auxiliaries import auxiliaries
from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Auxiliary, Features

WEIGHT = 0.01
CHANNELS = 32
BLURRED = 0.5
"""Fraction of the images that are blurred."""
STRONGEST = 2.0
"""Standard deviation of the strongest blur, in pixels of an image 32 high."""
REACH = 5
"""Pixels to each side that the blur kernel covers."""


def blurred(images: Tensor, deviations: Tensor) -> Tensor:
    """Gaussian blur of each image with its own strength.

    Args:
        images: (N, C, H, W).
        deviations: (N,) in pixels, above 0.
    """
    count, channels, height, width = images.shape
    offsets = torch.arange(-REACH, REACH + 1, device=images.device, dtype=images.dtype)
    weights = torch.softmax(-offsets.square() / (2 * deviations[:, None].square()), 1).repeat_interleave(channels, 0)
    x = F.pad(images.reshape(1, count * channels, height, width), (REACH,) * 4, mode="replicate")
    x = F.conv2d(x, weights[:, None, :, None], groups=count * channels)
    return F.conv2d(x, weights[:, None, None, :], groups=count * channels).reshape(images.shape)


@auxiliaries.register(
    "super_resolution",
    Citation(
        "PlugNet: Degradation Aware Scene Text Recognition Supervised by a Pluggable Super-Resolution Unit",
        2020,
        "https://doi.org/10.1007/978-3-030-58555-6_10",
    ),
)
class SuperResolution(Auxiliary):
    """Two convolutions at half the size of the image, then a pixel shuffle to the full size."""

    def __init__(self, map_channels: int, column_features: int, symbols: int, height_px: int) -> None:
        super().__init__(map_channels, column_features, symbols, height_px)
        self.strongest = STRONGEST * height_px / 32
        self.reduce = ConvBnAct(map_channels, CHANNELS, 3, activation="standard", standard="relu")
        self.refine = ConvBnAct(CHANNELS, CHANNELS, 3, activation="standard", standard="relu")
        self.draw = nn.Conv2d(CHANNELS, 3 * 4, 3, padding=1)

    def degrade(self, images: Tensor) -> Tensor:
        if not self.training:
            return images
        draws = torch.rand(2, images.shape[0], device=images.device, dtype=images.dtype)
        softened = blurred(images, (draws[0] * self.strongest).clamp_min(0.1))
        return torch.where((draws[1] < BLURRED)[:, None, None, None], softened, images)

    def loss(self, features: Features, images: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        half = (images.shape[2] // 2, images.shape[3] // 2)
        x = F.interpolate(self.reduce(features.maps[0]), half, mode="bilinear", align_corners=False)
        drawn = F.pixel_shuffle(self.draw(self.refine(x)), 2)
        return WEIGHT * (drawn - images).abs().mean(dim=(1, 2, 3))
