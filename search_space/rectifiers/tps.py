"""Thin-plate spline: a small network finds 20 points along the edges of the line, and the image is warped to straighten them.

Decisions:
- It starts as the identity, so a recogniser with it starts where one without it does. The spline is of how far points move,
  not of where they go, which is the same curve and leaves no rounding error where nothing moves.
- Coordinates run from -1 at the left and top edge to 1 at the right and bottom edge, pixels have their centres between
  (`align_corners=False`); so the same control points fit any width, and the grid is made for the width at hand.
- Places are worked out in float64: large terms cancel in the spline, and in float32 what is left would be wrong by
  thousandths of a pixel, in bfloat16 by whole ones (autocast leaves float64 alone). A float64 constant is stored as it is,
  too, where an int8 file would round the spline's matrix to steps of a seventh.
- Beyond the image its edge is repeated.
- `affine` is the seed's layer behind the control points (40 -> 6, zero at first), which sets the spline's side conditions.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.blocks import ConvBnAct
from search_space.catalog import Citation
from search_space.contracts import Rectifier
from search_space.rectifiers import rectifiers

POINTS = 20
CHANNELS = (16, 32, 64, 128)
FEATURES = 64
EPSILON = 1e-6


def control_points() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Where the points lie in the straight image, (20, 2) as (x, y): ten along the top edge, ten along the bottom."""
    x = np.linspace(-1.0, 1.0, POINTS // 2)
    return np.concatenate([np.stack([x, np.full_like(x, y)], 1) for y in (-1.0, 1.0)])


@cache
def solved_spline() -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """(23, 23): times the found points and three side conditions, it gives the spline's coefficients."""
    points = control_points()
    distance = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(distance, 1.0)  # r² log r is 0 at 0
    affine = np.concatenate([np.ones((POINTS, 1)), points], 1)
    bending = distance**2 * np.log(distance)
    inverse: np.ndarray[tuple[int, int], np.dtype[np.float64]] = np.linalg.inv(
        np.block([[affine, bending], [np.zeros((3, 3)), affine.T]])
    )
    return inverse


def pixel_centres(height: int, width: int, device: torch.device) -> Tensor:
    """(H, W, 2) float64: where the centre of each pixel lies, as (x, y)."""
    x = (torch.arange(width, device=device, dtype=torch.float64) * 2 + 1) / width - 1
    y = (torch.arange(height, device=device, dtype=torch.float64) * 2 + 1) / height - 1
    return torch.stack([x.expand(height, -1), y.unsqueeze(1).expand(-1, x.shape[0])], 2)


def shares(places: Tensor) -> Tensor:
    """How far each place goes with each control point and side condition.

    Args:
        places: (H, W, 2) float64, as (x, y); mirrored at either axis they are the same ones, as the control points are. So
            a quarter of the logarithms is enough.

    Returns:
        (H, W, 23) float64.
    """
    quarter = torch.from_numpy(control_points()[: POINTS // 4]).to(places.device)
    square = (places.unsqueeze(2) - quarter).square().sum(3)
    left = 0.5 * square * torch.log(square + EPSILON**2)  # r² log r
    upper = torch.cat([left, left.flip((1, 2))], 2)
    bending = torch.cat([upper, upper.flip(0)], 2)
    return torch.cat([torch.ones_like(places[..., :1]), places, bending], 2) @ torch.from_numpy(solved_spline()).to(
        places.device
    )


class PointFinder(nn.Module):
    """Images (N, 3, H, W) -> how far each control point lies from its place in the straight image, (N, 20, 2); 0 at first."""

    def __init__(self) -> None:
        super().__init__()
        widths = (3, *CHANNELS)
        self.convolutions = nn.ModuleList(
            ConvBnAct(a, b, 3, activation="standard", standard="relu") for a, b in zip(widths, CHANNELS, strict=False)
        )
        self.hidden = nn.Linear(CHANNELS[-1], FEATURES)
        self.points = nn.Linear(FEATURES, 2 * POINTS)
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


@rectifiers.register(
    "tps",
    Citation(
        "STAR-Net: A SpaTial Attention Residue Network for Scene Text Recognition", 2016, "https://doi.org/10.5244/C.30.43"
    ),
)
class ThinPlateSpline(Rectifier):
    """Finds 20 control points and samples the image along the spline through them."""

    def __init__(self, height_px: int) -> None:
        super().__init__(height_px)
        self.finder = PointFinder()
        self.affine = nn.Linear(2 * POINTS, 6)
        nn.init.zeros_(self.affine.weight)
        nn.init.zeros_(self.affine.bias)
        self.register_buffer("straight", torch.from_numpy(control_points()).float(), persistent=False)
        self.straight: Tensor

    def forward(self, images: Tensor) -> Tensor:
        moves = self.finder(images)
        conditions = self.affine((self.straight + moves).flatten(1)).reshape(-1, 3, 2)
        pixels = pixel_centres(images.shape[2], images.shape[3], images.device)
        grid = pixels + shares(pixels) @ torch.cat([moves, conditions], 1).double().unsqueeze(1)
        return F.grid_sample(images, grid.to(images.dtype), mode="bilinear", padding_mode="border", align_corners=False)
