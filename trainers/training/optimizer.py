"""The optimizer, and the number format that a training computes in."""

from __future__ import annotations

import torch
from torch import nn

from trainers.base.recipe import Recipe


def computes_in_bf16(precision: str, device: torch.device) -> bool:
    """Whether a training computes in bf16.

    Args:
        precision: as in `Recipe.precision`; "auto" is bf16 on GPUs that support it, and fp32 on CPUs, where bf16 is not faster.
        device: where to train.
    """
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bf16"


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Makes Adam, or AdamW without weight decay on biases and normalisation layers.

    Args:
        network: its parameters that require a gradient are optimised.
        recipe: learning rate, weight decay, and which of the two (`decoupled_decay`).
    """
    weights = [p for p in network.parameters() if p.requires_grad]
    if not recipe.decoupled_decay:
        return torch.optim.Adam(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
