"""A network in training, with what belongs to its weights: the optimizer, the average, the cut. All that a checkpoint restores.

Decisions:
- On the device a network lies in the memory order that is fastest there; its shapes are changed on the CPU, in the plain one.
- A change of shapes begins optimizer and average anew: what they hold is of weights that are not there any more.
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
from trainers.training.optimizer import make_optimizer

if TYPE_CHECKING:
    from trainers.pruning.mask import Cut
    from trainers.pruning.sensitivity import EvaluationSample


class Learner:
    """What learns.

    Args:
        architecture: of the network.
        symbols: in the charset.
        recipe: how it is trained.
        seed: of its first weights, and of its cut.
        device: where it is trained.

    Attributes:
        recognizer: the network.
        cut: what was pruned; None before that.
    """

    def __init__(self, architecture: Architecture, symbols: int, recipe: Recipe, seed: int, device: torch.device) -> None:
        self._recipe, self._seed, self._device = recipe, seed, device
        torch.manual_seed(seed)
        self.recognizer = build_recognizer(architecture, symbols)
        self.recognizer.contrast = "even" if recipe.even_contrast else "plain"
        self.cut: Cut | None = None
        self._to_device()
        self._make_optimizer()

    def learn(self, goal: Tensor, rate: float) -> None:
        """One step down.

        Args:
            goal: one number, to be made smaller.
            rate: learning rate.
        """
        self._optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(goal)
        if self._recipe.clip_norm:
            nn.utils.clip_grad_norm_(self.recognizer.parameters(), self._recipe.clip_norm)
        for group in self._optimizer.param_groups:
            group["lr"] = rate
        self._optimizer.step()
        if self._average is not None:
            self._average.follow(self.recognizer)

    def prune(self, evaluation_sample: EvaluationSample) -> None:
        """Makes the cut that the architecture asks for; the network goes on with the averaged weights, if they are kept."""
        from trainers.pruning.prune import prune  # torch-pruning takes a second, and not every machine that trains has it

        architecture = self.recognizer.architecture
        percent, criterion = architecture.prune_percent, architecture.prune_criterion or "l1"

        def cut(network: Recognizer) -> None:
            if self._average is not None:
                self._average.put_into(network)
            network.auxiliary = None  # it reads maps that are not there any more
            self.cut = prune(network, percent, criterion, evaluation_sample, self._seed)

        torch.manual_seed(self._seed)
        self._changed(cut)

    def reading_network(self) -> Recognizer:
        """What validation and export see: the averaged weights where an average is kept."""
        if self._average is None:
            return self.recognizer
        averaged = copy.deepcopy(self.recognizer)
        self._average.put_into(averaged)
        return averaged

    def state(self) -> dict[str, Any]:
        """For `restore`."""
        return {
            "recognizer": self.recognizer.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "average": None if self._average is None else self._average.state_dict(),
            "cut": None if self.cut is None else self.cut.as_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back, or on, to where a learner of the same kind was."""
        if state.get("cut") is not None:  # checkpoints of older versions know no cut
            from trainers.pruning.mask import Cut, cut_again

            cut = self.cut = Cut.from_dict(state["cut"])
            self.recognizer.auxiliary = None
            self._changed(lambda network: cut_again(network, cut))
        self.recognizer.load_state_dict(state["recognizer"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._average is not None:
            self._average.load_state_dict(state["average"])

    def _changed(self, change: Callable[[Recognizer], None]) -> None:
        """Changes the network's shapes."""
        self.recognizer.cpu().to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
        change(self.recognizer)
        self._to_device()
        self._make_optimizer()

    def _to_device(self) -> None:
        # 1.2 to 1.5 times as fast on CPUs
        self.recognizer.to(self._device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def _make_optimizer(self) -> None:
        """For the weights that there are now."""
        self._optimizer = make_optimizer(self.recognizer, self._recipe)
        self._average = WeightAverage(self.recognizer, self._recipe.ema_decay) if self._recipe.ema_decay else None
