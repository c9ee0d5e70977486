"""Random values for vectors: a new network has equal zero biases, which an exporter would merge into one."""

import torch
from torch import nn


def randomize_vectors(module: nn.Module, seed: int = 0) -> nn.Module:
    """Sets norms, biases and other vectors to random values, in place; returns the module in eval mode."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in [*module.named_parameters(), *module.named_buffers()]:
            if not tensor.is_floating_point() or (tensor.ndim > 1 and tensor.numel() > max(tensor.shape)):
                continue
            noise = torch.rand(tensor.shape, generator=generator)
            if name.endswith("running_var"):
                tensor.copy_(0.5 + noise)
            elif isinstance(tensor, nn.Parameter) or name.endswith("running_mean"):
                tensor.add_(0.2 * (noise - 0.5))
    return module.eval()
