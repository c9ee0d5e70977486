"""A network in training with its optimizer, its averaged weights and its pruning mask: all that a checkpoint restores.

Decisions:
- On the device the network is in the channels-last memory format, which is fastest there. Pruning changes its shapes on the CPU
  and in the contiguous format.
- Pruning starts a new optimizer and a new average, because the state of the old ones belongs to weights that are gone.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer, build_recognizer
from trainers.base.recipe import Recipe
from trainers.training.ema import WeightAverage
from trainers.training.optimizer import RATE_FACTOR, make_optimizer

if TYPE_CHECKING:
    from trainers.pruning.evaluation_sample import EvaluationSample
    from trainers.pruning.mask import PrunedChannels


class Learner:
    """A network and everything that changes with its weights.

    Args:
        architecture: the network to build.
        symbols: number of characters in the charset.
        recipe: how to train.
        seed: seed of the initial weights and of pruning.
        device: where to train.

    Attributes:
        recognizer: the network.
        pruning_mask: the channels that pruning removed; None before pruning.
    """

    def __init__(self, architecture: Architecture, symbols: int, recipe: Recipe, seed: int, device: torch.device) -> None:
        self._recipe, self._seed, self._device = recipe, seed, device
        torch.manual_seed(seed)
        self.recognizer = build_recognizer(architecture, symbols)
        self.recognizer.contrast = "even" if recipe.even_contrast else "plain"
        self.pruning_mask: PrunedChannels | None = None
        self._to_device()
        self._make_optimizer()

    def step(self, loss: Tensor, learning_rate: float) -> None:
        """Runs one optimizer step, and updates the averaged weights.

        Args:
            loss: scalar to minimise.
            learning_rate: of this step.
        """
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        if self._recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.recognizer.parameters(), self._recipe.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = learning_rate * group.get(RATE_FACTOR, 1.0)
        self._optimizer.step()
        if self._average is not None:
            self._average.update()

    def prune(self, evaluation_sample: EvaluationSample) -> None:
        """Prunes the network as its architecture asks for, starting from the averaged weights where an average is kept.

        Args:
            evaluation_sample: training lines on which the pruning criterion may evaluate pruned networks.
        """
        from trainers.pruning.prune import prune  # torch-pruning takes a second, and not every machine that trains has it

        architecture = self.recognizer.architecture
        percent, criterion = architecture.prune_percent, architecture.prune_criterion or "l1"

        def remove_channels(network: Recognizer) -> None:
            if self._average is not None:
                self._average.copy_to(network)
            network.auxiliary = None  # it reads feature maps whose channels are removed
            self.pruning_mask = prune(network, percent, criterion, evaluation_sample, self._seed)

        torch.manual_seed(self._seed)
        self._change_shapes(remove_channels)

    def check_prune_target(self) -> None:
        """Checks that pruning can remove what the architecture asks for.

        Raises:
            UnfitArchitecture: it cannot.
        """
        from trainers.pruning.prune import check_target

        check_target(copy.deepcopy(self.recognizer).cpu(), self.recognizer.architecture.prune_percent)

    def evaluation_network(self) -> Recognizer:
        """The network to validate and export: a copy with the averaged weights, or the network itself without an average."""
        if self._average is None:
            return self.recognizer
        averaged = copy.deepcopy(self.recognizer)
        self._average.copy_to(averaged)
        return averaged

    def state(self) -> dict[str, Any]:
        """The state for `restore`; its keys stay as they are, so that older checkpoints can be resumed."""
        return {
            "recognizer": self.recognizer.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "cut": None if self.pruning_mask is None else self.pruning_mask.as_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Sets this learner to a state that a learner with the same arguments returned."""
        if state.get("cut") is not None:  # checkpoints of older versions lack the key
            from trainers.pruning.mask import PrunedChannels, cut_again

            mask = self.pruning_mask = PrunedChannels.from_dict(state["cut"])
            self.recognizer.auxiliary = None
            self._change_shapes(lambda network: cut_again(network, mask))
        self.recognizer.load_state_dict(state["recognizer"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _change_shapes(self, change: Callable[[Recognizer], None]) -> None:
        """Applies a change of the network's shapes, then makes a new optimizer and average."""
        self.recognizer.cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        change(self.recognizer)
        self._to_device()
        self._make_optimizer()

    def _to_device(self) -> None:
        # channels last is 1.2 to 1.5 times as fast on CPUs
        self.recognizer.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _make_optimizer(self) -> None:
        """Makes the optimizer and the average of the current weights."""
        self._optimizer = make_optimizer(self.recognizer, self._recipe)
        self._average = WeightAverage(self.recognizer, self._recipe.ema_decay) if self._recipe.ema_decay else None
