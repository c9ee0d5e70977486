"""Augmentation of whole batches on the device they train on: a warp, then blur, colour, noise and holes, behind one dial.

Decisions:
- Costly changes are drawn for a share of the lines and computed for those alone; how many is decided off the device, so that
  nothing waits for it.
- Grey batches stay one channel until colour is drawn.
- What lies right of a line stays padding (0.0).

Source:
    Cubuk et al., RandAugment, 2019, https://arxiv.org/abs/1909.13719 (one dial for all magnitudes).
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
"""Side of the blur kernels."""


def augment(images: Tensor, widths: Tensor, strength: float, rng: np.random.Generator) -> tuple[Tensor, Tensor]:
    """Changes a batch at random; every line stays readable to a person, mostly.

    Args:
        images: (N, C, H, W) in [-1, 1], C 1 (grey) or 3, 0.0 right of each line.
        widths: (N,) int64 columns of each line.
        strength: 0 (nothing is changed) to 1.
        rng: how many lines each change meets; all other random numbers come from torch's generator of the device.

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
    """Applies a change to a share of the lines (that share at strength 1), random ones."""
    count = int(share * strength * len(images) + rng.random())
    if not count:
        return images
    rows = torch.randperm(len(images), device=images.device)[:count]
    return images.index_copy(0, rows, change(images[rows], strength))


def blur(images: Tensor, strength: float) -> Tensor:
    """Blurs each line with its own slanted Gaussian: nearly round ones are lack of focus, long ones are motion."""
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
    """Draws contrast, brightness, tint and a slow change of light along each line; inverts some lines. Gives 3 channels."""
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
    """Adds normal noise, in some lines the same in all channels."""
    n = len(images)
    sigma = 0.3 * strength * torch.rand(n, 1, 1, 1, device=images.device)
    return images + sigma * torch.randn(n, 1, *images.shape[2:], device=images.device)


def cut_out(images: Tensor, strength: float) -> Tensor:
    """Covers up to three small rectangles of a line, each narrower than a letter, with one colour."""
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
