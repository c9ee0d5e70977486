"""Warps the lines of a batch at random: stretch, crop, slope, curve, perspective, slant and local jitter in one resampling.

Decisions:
- The source position of each pixel is linear in its row y: column = a(x) + b(x) y, row = c(x) + d(x) y. The four functions are
  drawn for each line and computed for each column, so that the warp takes two multiply-adds per pixel besides `grid_sample`.
- Rows and columns outside a line repeat its border; padding stays padding.

Source:
    Luo et al., Learn to Augment, 2020, https://arxiv.org/abs/2003.06606 (local jitter of a line's upper and lower edge).
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional


def warp(images: Tensor, widths: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Warps every line of a batch differently.

    Args:
        images: (N, C, H, W), 0.0 to the right of each line.
        widths: (N,) int64 columns of each line.
        strength: in [0, 1].

    Returns:
        Images of the same shape, whose padding is not yet 0.0 again, and the new widths (N,).
    """
    n, _, height, canvas = images.shape
    device = images.device
    old = widths.float()
    stretch = torch.exp(_normal(n, device) * 0.12 * strength)
    new = (old * stretch).clamp(min=1.0).minimum(torch.full_like(old, float(canvas))).round()
    x = torch.arange(canvas, device=device, dtype=torch.float32).expand(n, canvas)
    u = x / new[:, None]  # 0 at the line's left end, 1 at its right
    lean = strength * (0.25 * _normal(n, device)[:, None] + 0.2 * _waves(x, height))
    shift = strength * 0.06 * height * _waves(x, height)
    column = x * (old / new)[:, None] + shift - lean * (0.5 * (height - 1))

    zoom = 1 + strength * (0.08 * _normal(n, device)[:, None] + 0.12 * _normal(n, device)[:, None] * (u - 0.5))
    zoom = zoom + strength * 0.06 * _waves(x, height)
    rise = 0.05 * _normal(n, device)[:, None] + 0.08 * _normal(n, device)[:, None] * (u - 0.5)
    rise = rise + 0.08 * _normal(n, device)[:, None] * (4 * (u - 0.5).square() - 0.33) + 0.03 * _waves(x, height)
    row = strength * height * rise + (1 - zoom) * (0.5 * (height - 1))

    y = torch.arange(height, device=device, dtype=torch.float32)[None, :, None]
    source_x = torch.addcmul(column[:, None, :], lean[:, None, :], y)
    source_y = torch.addcmul(row[:, None, :], zoom[:, None, :], y)
    source_x = source_x.clamp_(min=0).minimum((old - 1)[:, None, None])
    grid = torch.stack((source_x.mul_(2 / max(1, canvas - 1)).sub_(1), source_y.mul_(2 / max(1, height - 1)).sub_(1)), dim=3)
    warped = functional.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=True)
    return warped, new.long()


def _normal(n: int, device: torch.device) -> Tensor:
    """(N,) standard normal numbers clipped to [-2, 2], so that no line is warped beyond recognition."""
    return torch.randn(n, device=device).clamp_(-2, 2)


def _waves(x: Tensor, height: int) -> Tensor:
    """Smooth random functions of the column: (N, W) -> (N, W), standard deviation about 1, one bend per 1 to 4 heights."""
    n = len(x)
    total = torch.zeros_like(x)
    for _ in range(2):
        bends = height * torch.exp2(2 * torch.rand(n, 1, device=x.device))
        phase = 2 * math.pi * torch.rand(n, 1, device=x.device)
        total += torch.sin(x * (math.pi / bends) + phase)
    return total
