"""The optimizer, and the number format that a training computes in."""

from __future__ import annotations

import torch
from torch import nn

from search_space.contracts import Activation
from search_space.learning_rates import learning_rate_factor
from trainers.base.recipe import Recipe

RATE_FACTOR = "rate_factor"
"""Key of a parameter group: what the learning rate of a step is multiplied with. Checkpoints of before lack it."""


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
    """Makes Adam, or AdamW without weight decay on biases, normalisation layers and the parameters of activations.

    Args:
        network: its parameters that require a gradient are optimised.
        recipe: learning rate, weight decay, and which of the two (`decoupled_decay`).

    Returns:
        An optimizer whose groups have a key "rate_factor": what the learning rate of a step is multiplied with.
    """
    groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
    for module in network.modules():
        factor, of_activation = learning_rate_factor(module), isinstance(module, Activation)
        for parameter in module.parameters(recurse=False):
            spared = recipe.decoupled_decay and (parameter.ndim <= 1 or of_activation)
            if parameter.requires_grad:
                groups.setdefault((factor, spared), []).append(parameter)
    # decayed before spared, and the full rate before others: checkpoints hold the groups in this order
    order = sorted(groups, key=lambda key: (-key[0], key[1]))
    parameters = [
        {"params": groups[key], "weight_decay": 0.0 if key[1] else recipe.weight_decay, RATE_FACTOR: key[0]} for key in order
    ]
    kind = torch.optim.AdamW if recipe.decoupled_decay else torch.optim.Adam
    return kind(parameters, lr=recipe.learning_rate, fused=True)
