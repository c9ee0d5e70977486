"""A moving average of the weights: steadier than the last step's when the learning rate is still high."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


class WeightAverage:
    """Follows a network's weights and running statistics.

    Args:
        network: what is followed.
        decay: share of the average that a step keeps, in (0, 1); smaller in the first steps, so that they are forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.steps = 0
        self._held = _floats(copy.deepcopy(network))

    @torch.no_grad()
    def follow(self, network: nn.Module) -> None:
        """Takes in the weights after a step."""
        self.steps += 1
        decay = min(self.decay, self.steps / (self.steps + 10))
        torch._foreach_lerp_(list(self._held.values()), list(_floats(network).values()), 1 - decay)

    @torch.no_grad()
    def put_into(self, network: nn.Module) -> None:
        """Overwrites a network's weights with the average."""
        for name, value in _floats(network).items():
            value.copy_(self._held[name])

    def state_dict(self) -> dict[str, Any]:
        return {"steps": self.steps, "held": self._held}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        self.steps = state["steps"]
        for name, value in state["held"].items():
            self._held[name].copy_(value)


def _floats(network: nn.Module) -> dict[str, Tensor]:
    """Weights and buffers that can be averaged; counters are not among them."""
    return {name: value.detach() for name, value in network.state_dict().items() if value.is_floating_point()}
