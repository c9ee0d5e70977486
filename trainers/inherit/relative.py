"""A trained network that another one may inherit from: its architecture, charset and weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.base.errors import UserError
from trainers.pruning.mask import PrunedChannels, cut_again


@dataclass(frozen=True)
class Relative:
    """A trained network.

    Attributes:
        architecture: its architecture.
        charset: its symbols, in the order of its outputs.
        state: its state dict; tensors on any device.
        pruned: the channels that pruning removed; None if it was not pruned.
        nested: whether its narrower versions were trained with it, as the first channels of its backbone and neck. Narrower
            children then take those, not the most important ones.
    """

    architecture: Architecture
    charset: tuple[str, ...]
    state: Mapping[str, Tensor]
    pruned: PrunedChannels | None = None
    nested: bool = False

    @classmethod
    def of(cls, recognizer: Recognizer, charset: tuple[str, ...], pruned: PrunedChannels | None = None) -> Relative:
        """A relative with the weights that a network has now, as a copy."""
        state = {name: tensor.detach().clone() for name, tensor in recognizer.state_dict().items()}
        return cls(recognizer.architecture, charset, state, pruned)

    def network(self) -> Recognizer:
        """Builds the network with its weights, on the CPU and in eval mode. The global random state is not changed.

        Raises:
            UserError: the weights are not those of the architecture and charset.
        """
        with torch.random.fork_rng(devices=[]):
            recognizer = build_recognizer(self.architecture, len(self.charset))
        if not any(name.startswith("auxiliary.") for name in self.state):
            recognizer.auxiliary = None  # pruning and export drop it
        if self.pruned is not None:
            cut_again(recognizer, self.pruned)
        try:
            recognizer.load_state_dict(dict(self.state))
        except RuntimeError as error:
            first = str(error).strip().splitlines()[-1].strip()
            raise UserError(
                f"the weights to inherit are not those of {self.architecture.describe()} with {len(self.charset)} symbols "
                f"({first}); give the architecture and charset that they were trained with"
            ) from None
        return recognizer.eval()
