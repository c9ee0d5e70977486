"""Augments batches on the training device: a warp, then blur, colour, noise and holes, all with one strength.

Decisions:
- Slow changes are applied to a random fraction of the lines only. The number of these lines is drawn on the CPU, so that the
  program need not wait for the device.
- Grey batches have one channel until colour is drawn.
- The padding to the right of a line stays 0.0.

Source:
    Cubuk et al., RandAugment, 2019, https://arxiv.org/abs/1909.13719 (one strength for all changes).
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from trainers.batching.collate import inside
from trainers.batching.warp import warp

BLUR_PX = 7
"""Rows and columns of the blur kernels."""


def augment(images: Tensor, widths: Tensor, strength: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Changes the lines of a batch at random; nearly all of them stay legible.

    Args:
        images: (N, C, H, W) in [-1, 1], C 1 (grey) or 3, 0.0 to the right of each line.
        widths: (N,) int64 columns of each line.
        strength: 0 (nothing is changed) to 1.
        rng: draws the number of lines of each change; all other random numbers come from torch's generator of the device.

    Returns:
        Images (N, 3, H, W) in [-1, 1] and new widths (N,).
    """
    if strength:
        images, widths = warp(images, widths, strength)
        images = _on_some(images, blur, 0.4, strength, rng)
        images = recolour(images, strength)
        images = _on_some(images, add_noise, 0.5, strength, rng)
        images = _on_some(images, cut_out, 0.5, strength, rng)
        images = images.clamp(-1.0, 1.0).mul_(inside(widths, images.shape[3])[:, None, None, :])
    return images.expand(-1, 3, -1, -1), widths


def _on_some(
    images: Tensor, change: Callable[[Tensor, float], Tensor], share: float, strength: float, rng: np.random.Generator
) -> Tensor:
    """Applies a change to random lines: to a fraction `share` of them at strength 1, and to fewer below."""
    count = int(share * strength * len(images) + rng.random())
    if not count:
        return images
    rows = torch.randperm(len(images), device=images.device)[:count]
    return images.index_copy(0, rows, change(images[rows], strength))


def blur(images: Tensor, strength: float) -> Tensor:
    """Blurs each line with its own rotated Gaussian: a nearly round one looks out of focus, a long one like motion."""
    n, device = len(images), images.device
    longer = 0.4 + 2.0 * strength * torch.rand(n, 1, 1, device=device)
    shorter = longer * (0.2 + 0.8 * torch.rand(n, 1, 1, device=device))
    angle = math.pi * torch.rand(n, 1, 1, device=device)
    at = torch.arange(BLUR_PX, device=device, dtype=torch.float32) - BLUR_PX // 2
    y, x = at[None, :, None], at[None, None, :]
    along = (x * angle.cos() + y * angle.sin()) / longer
    across = (y * angle.cos() - x * angle.sin()) / shorter
    kernels = torch.exp(-0.5 * (along.square() + across.square()))
    kernels = kernels / kernels.sum(dim=(1, 2), keepdim=True)
    flat = images.transpose(0, 1)
    padded = functional.pad(flat, (BLUR_PX // 2,) * 4, mode="replicate")
    return functional.conv2d(padded, kernels[:, None], groups=n).transpose(0, 1)


def recolour(images: Tensor, strength: float) -> Tensor:
    """Changes contrast, brightness, tint and the light along each line, and inverts some lines; returns 3 channels."""
    n, _, _, width = images.shape
    device = images.device
    contrast = torch.exp(0.25 * strength * torch.randn(n, 1, 1, 1, device=device)).clamp_(0.3, 1.5)
    inverted = torch.rand(n, 1, 1, 1, device=device) < 0.15 * strength
    tint = 1 + 0.1 * strength * torch.randn(n, 3, 1, 1, device=device)
    gain = torch.where(inverted, -contrast, contrast) * tint
    brightness = strength * (0.15 * torch.randn(n, 1, 1, 1, device=device) + 0.08 * torch.randn(n, 3, 1, 1, device=device))
    across = torch.linspace(-1, 1, width, device=device)
    light = brightness + 0.15 * strength * torch.randn(n, 1, 1, 1, device=device) * across
    return torch.addcmul(light, images, gain)


def add_noise(images: Tensor, strength: float) -> Tensor:
    """Adds normal noise, the same in all channels, with a standard deviation of its own for each line."""
    n = len(images)
    sigma = 0.3 * strength * torch.rand(n, 1, 1, 1, device=images.device)
    return images + sigma * torch.randn(n, 1, *images.shape[2:], device=images.device)


def cut_out(images: Tensor, strength: float) -> Tensor:
    """Covers three small rectangles of each line, or of the padding beside it, with one grey value each."""
    n, _, height, width = images.shape
    device = images.device
    x = torch.arange(width, device=device, dtype=torch.float32)
    y = torch.arange(height, device=device, dtype=torch.float32)
    for _ in range(3):
        size = (0.1 + 0.35 * strength * torch.rand(2, n, 1, device=device)) * height
        left, top = torch.rand(n, 1, device=device) * width, torch.rand(n, 1, device=device) * height
        columns = ((x - left).abs() < 0.5 * size[0])[:, None, None, :]
        rows = ((y - top).abs() < 0.5 * size[1])[:, None, :, None]
        images = torch.where(columns & rows, 2 * torch.rand(n, 1, 1, 1, device=device) - 1, images)
    return images
