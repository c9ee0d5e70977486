"""An exponential moving average of the weights, which varies less than the last step's while the learning rate is high."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """Keeps a moving average of a network's weights and floating-point buffers.

    Args:
        network: the network to average; its current weights are the first average. Its tensors must stay the same ones.
        decay: fraction of the average that an update keeps, in (0, 1). The first updates keep less, so that the initial
            weights are soon forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self._averages = _floats(copy.deepcopy(network))
        self._weights = list(_floats(network).values())  # once: collecting them at each step takes time

    @torch.no_grad()
    def update(self) -> None:
        """Updates the average with the network's weights after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        torch._foreach_lerp_(list(self._averages.values()), self._weights, 1 - decay)

    @torch.no_grad()
    def copy_to(self, network: nn.Module) -> None:
        """Overwrites a network's weights with the average."""
        for name, value in _floats(network).items():
            value.copy_(self._averages[name])

    def state_dict(self) -> dict[str, Any]:
        """The state for `load_state_dict`; "held" keeps its name, so that older checkpoints can be resumed."""
        return {"steps": self.steps, "held": self._averages}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restores a state of `state_dict`."""
        self.steps = state["steps"]
        for name, value in state["held"].items():
            self._averages[name].copy_(value)


def _floats(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers by name, without integer buffers such as counters, which have no average."""
    return {name: value.detach() for name, value in network.state_dict().items() if value.is_floating_point()}
