"""A network whose exported graph shows where each weight of a state dict ends up: every weight is a number of its own.

Exporting folds BatchNorm, stacks the gates of recurrent layers, transposes matrices, merges branches and renames everything.
None of it has to be undone by hand: the export of this network has the same tensors, and the numbers in them tell which weight
of the state dict is where.

Decisions:
- BatchNorms neither scale nor normalise, so folding them leaves the numbers whole. What a file holds of them is their shift.
- Of a bias and the shift of the norm behind it, a file holds the sum; it becomes the bias.
- Of branches that are merged the first one has the weights; the others are silent (scale 0).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.backbones.lcnet import BranchedConv
from search_space.recognizer import Recognizer
from trainers.base.errors import UserError

FIRST_MARK = 2**22
"""The number of the first weight: constants of the code are far smaller."""

LAST_MARK = 2**24
"""Whole numbers up to here are exact in float32."""


@dataclass(frozen=True)
class Marks:
    """Which parameters are marked.

    Attributes:
        names: of the marked parameters, in the order of their numbers.
        sizes: how many entries each has.
    """

    names: tuple[str, ...]
    sizes: tuple[int, ...]

    @property
    def total(self) -> int:
        return sum(self.sizes)

    def places(self, values: NDArray[np.generic]) -> NDArray[np.int64] | None:
        """The numbers of the weights that a tensor of the marked graph holds; None for a constant of the code.

        Raises:
            ValueError: only some of its entries are weights, or sums of weights.
        """
        found = np.asarray(values, np.float64) - FIRST_MARK
        marked = (found >= 0) & (found < self.total) & (found == np.rint(found))
        if marked.any() and not marked.all():
            raise ValueError("some entries are not weights")
        return found.astype(np.int64) if found.size and marked.all() else None


def plain_norms(network: Recognizer) -> None:
    """Makes all BatchNorms of a network pass values on as they are, shift aside, and silences all but the first branches."""
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, _BatchNorm):
                assert module.running_mean is not None and module.running_var is not None
                module.weight.fill_(1)
                module.bias.zero_()
                module.running_mean.zero_()
                module.running_var.fill_(1 - module.eps)
        for norm in (norm for module in network.modules() for norm in silent_norms(module)):
            norm.weight.zero_()


def silent_norms(module: nn.Module) -> list[nn.BatchNorm2d]:
    """The norms of the branches whose share a file does not tell apart from the first branch's."""
    if not isinstance(module, BranchedConv):
        return []
    others = [norm for _, norm in module.branch_layers()[1:]]
    return others if module.same is None else [*others, module.same]


def _shifts_beside_a_bias(network: Recognizer) -> set[int]:
    """The shifts of norms behind a convolution that has a bias: a file holds the sum of the two, which becomes the bias."""
    found, before = set(), None
    for module in network.modules():
        if isinstance(module, _BatchNorm) and isinstance(before, nn.Conv2d) and before.out_channels == module.num_features:
            found |= {id(module.bias)} if before.bias is not None else set()
        before = module
    return found


@torch.no_grad()
def marked(network: Recognizer) -> tuple[Recognizer, Marks]:
    """A copy in which every weight that a file holds is a number of its own.

    Raises:
        UserError: it has too many weights.
    """
    copied = copy.deepcopy(network)
    plain_norms(copied)
    left_out = {id(norm.weight) for norm in copied.modules() if isinstance(norm, _BatchNorm)} | _shifts_beside_a_bias(copied)
    for module in copied.modules():
        if isinstance(module, _BatchNorm):
            module.eps = 0.0  # so that folding multiplies by exactly 1
            module.running_var = torch.ones_like(module.weight)
        if isinstance(module, BranchedConv):
            left_out |= {id(conv.weight) for conv, _ in module.branch_layers()[1:]} | {
                id(norm.bias) for norm in silent_norms(module)
            }
    parameters = {name: p for name, p in copied.named_parameters() if id(p) not in left_out}
    marks = Marks(tuple(parameters), tuple(p.numel() for p in parameters.values()))
    if FIRST_MARK + marks.total > LAST_MARK:
        raise UserError(f"a network of {marks.total:,} weights is too large to take its file apart; begin with its checkpoint")
    start = FIRST_MARK
    for parameter in parameters.values():
        parameter.copy_(torch.arange(start, start + parameter.numel()).reshape(parameter.shape))
        start += parameter.numel()
    return copied, marks
