"""Thin-plate spline rectifier: a small network predicts control points along the edges of a line, and a spline warps the image.

Decisions:
- It is initialised to the identity, so a recogniser with it starts like one without it. The spline interpolates displacements
  and not positions: the curve is the same, and where nothing moves there is no rounding error.
- Coordinates run from -1 at the left and top edge to 1 at the right and bottom edge, with `align_corners=False`. So the control
  points are the same for every width, and the sampling grid is computed for the width of the input.
- The grid is computed in float64, because large terms of the spline cancel: in float32 the result would be wrong by thousandths
  of a pixel, in bfloat16 by whole pixels (autocast does not change float64). Float64 constants are also exempt from int8
  storage, which would round the matrix of the spline to steps of 1/7.
- Beyond the image, its edge is repeated.
- The three side conditions of the spline are zero, as its definition says. PaddleOCR has a layer for them (40 -> 6, `ex_fc`)
  which it holds at zero with a learning rate of 0; that layer is left out, so a network has 246 weights fewer than PaddleOCR's.
- The two linear layers of the localisation network learn at a tenth of the rate, as in PaddleOCR (`loc_lr`).
- Version 2: in version 1 the side conditions were learned, and everything at the full rate.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Rectifier
from search_space.learning_rates import set_learning_rate_factor
from search_space.rectifiers import rectifiers

POINTS = 20
"""Number of control points, half of them along each edge, as in STAR-Net and PaddleOCR."""
CHANNELS = (16, 32, 64, 128)
"""Channels of the localisation network's convolutions, as in PaddleOCR's small one."""
FEATURES = 64
"""Features between the convolutions and the control points, as in PaddleOCR's small network."""
LOCALISATION_RATE = 0.1
"""Learning rate of the layers that place the control points, as a fraction of that of all others; PaddleOCR's `loc_lr`."""
EPSILON = 1e-6
"""Added to a distance before its logarithm, because r² log r is 0 at 0 and the logarithm alone is not finite there."""


def control_points() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Control points of the rectified image, (20, 2) as (x, y): ten along the top edge, then ten along the bottom edge."""
    x = np.linspace(-1.0, 1.0, POINTS // 2)
    return np.concatenate([np.stack([x, np.full_like(x, y)], 1) for y in (-1.0, 1.0)])


@cache
def solved_spline() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Maps 20 displacements to the spline's 23 coefficients, (23, 20): the inverse of its system, with side conditions of 0."""
    points = control_points()
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, 1.0)  # r² log r is 0 at 0
    affine = np.concatenate([np.ones((POINTS, 1)), points], 1)
    bending = distance**2 * np.log(distance)
    inverse: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.linalg.inv(
        np.block([[affine, bending], [np.zeros((3, 3)), affine.T]])
    )
    return inverse[:, :POINTS].copy()


def pixel_centres(height: int, width: int, device: torch.device) -> Tensor:
    """Coordinates of the pixel centres, (H, W, 2) float64, as (x, y)."""
    x = (torch.arange(width, device=device, dtype=torch.float64) * 2 + 1) / width - 1
    y = (torch.arange(height, device=device, dtype=torch.float64) * 2 + 1) / height - 1
    return torch.stack([x.expand(height, -1), y.unsqueeze(1).expand(-1, x.shape[0])], 2)


def spline_weights(positions: Tensor) -> Tensor:
    """Weights of the control points' displacements at each position.

    Args:
        positions: (H, W, 2) float64, as (x, y). They must be symmetric about both axes, as the control points are; then a
            quarter of the logarithms is enough.

    Returns:
        (H, W, 20) float64.
    """
    quarter = torch.from_numpy(control_points()[: POINTS // 4]).to(positions.device)
    square = (positions.unsqueeze(2) - quarter).square().sum(3)
    left = 0.5 * square * torch.log(square + EPSILON**2)  # r² log r
    upper = torch.cat([left, left.flip((1, 2))], 2)
    bending = torch.cat([upper, upper.flip(0)], 2)
    terms = torch.cat([torch.ones_like(positions[..., :1]), positions, bending], 2)
    return terms @ torch.from_numpy(solved_spline()).to(positions.device)


class PointFinder(nn.Module):
    """The localisation network: images (N, 3, H, W) -> displacements of the control points (N, 20, 2), initially 0."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *CHANNELS)
        self.convolutions = nn.ModuleList(
            ConvBnAct(a, b, 3, activation="standard", standard="relu") for a, b in zip(widths, CHANNELS, strict=False)
        )
        self.hidden = nn.Linear(CHANNELS[-1], FEATURES)
        self.points = nn.Linear(FEATURES, 2 * POINTS)
        set_learning_rate_factor(self.hidden, LOCALISATION_RATE)
        set_learning_rate_factor(self.points, LOCALISATION_RATE)
        nn.init.zeros_(self.points.weight)
        nn.init.zeros_(self.points.bias)

    def forward(self, images: Tensor) -> Tensor:
        x = images
        for index, convolution in enumerate(self.convolutions):
            x = convolution(x)
            if index < len(CHANNELS) - 1:
                x = F.max_pool2d(x, 2)
        moves: Tensor = self.points(F.relu(self.hidden(x.mean(dim=(2, 3)))))
        return moves.reshape(-1, POINTS, 2)


def _leave_out_side_conditions(_: nn.Module, state_dict: dict[str, Any], prefix: str, *__: Any) -> None:
    """Lets weights that were kept of a network of version 1 be loaded and inherited."""
    for name in ("weight", "bias"):
        state_dict.pop(f"{prefix}affine.{name}", None)


@rectifiers.register(
    "tps",
    Citation(
        "STAR-Net: A SpaTial Attention Residue Network for Scene Text Recognition", 2016, "https://doi.org/10.5244/C.30.43"
    ),
)
class ThinPlateSpline(Rectifier):
    """Predicts 20 control points and samples the image along the spline through them."""

    version = 2

    def __init__(self, height_px: int) -> None:
        super().__init__(height_px)
        self.finder = PointFinder()
        self.register_load_state_dict_pre_hook(_leave_out_side_conditions)  # type: ignore[no-untyped-call]

    def forward(self, images: Tensor) -> Tensor:
        pixels = pixel_centres(images.shape[2], images.shape[3], images.device)
        grid = pixels + spline_weights(pixels) @ self.finder(images).double().unsqueeze(1)
        return F.grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False)
