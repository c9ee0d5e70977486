"""What changes the weights, and in which numbers the gradients are computed."""

from __future__ import annotations

import torch
from torch import nn

from trainers.base.recipe import Recipe


def computes_in_bf16(precision: str, device: torch.device) -> bool:
    """Whether to train in bf16; "auto" does on GPUs that have it and not on CPUs, where it does not pay."""
    if precision == "auto":
        return device.type == "cuda" and torch.cuda.is_bf16_supported()
    return precision == "bf16"


def make_optimizer(network: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """Adam, or AdamW that spares biases and norms."""
    weights = [p for p in network.parameters() if p.requires_grad]
    if not recipe.decoupled_decay:
        return torch.optim.Adam(weights, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    groups = [
        {"params": [p for p in weights if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in weights if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)
