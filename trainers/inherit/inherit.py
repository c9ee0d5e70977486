"""Copies what a trained relative knows into a new network.

Decisions:
- What corresponds is copied; everything else keeps its random initial weights (`trainers.inherit.matching`).
- Where the child is wider, the weights from its new channels to inherited ones are zero. Inherited channels then compute what
  they computed in the relative, and random weights cannot blur them. New channels read all others with their initial weights,
  and the zero weights have gradients from the first step on. (With a normalisation over all channels, as in `svtr`, the
  equality is not exact. It does not hold where a block has a shortcut in only one of the two networks, as between
  `mobilenetv3_small` of 50 and of 75 %: see `trainers.inherit.shortcuts`.)
- The weights of such a block do not count in the share. Those of a narrower network that is cut out of a nested relative do: it
  was trained with its own shortcuts.
- BatchNorm statistics are copied too, but they describe the relative: call `trainers.pruning.recalibrate.recalibrate` with
  training lines afterwards, unless the network is trained anyway before it is read.

Source: networks that grow with their function preserved: Chen et al., Net2Net, 2016 (arXiv:1511.05641); children that inherit
from parents of other shapes: Elsken et al., LEMONADE, 2019 (arXiv:1804.09081).
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from search_space.recognizer import Recognizer
from trainers.base.errors import UserError
from trainers.inherit.importance import group_scores
from trainers.inherit.inheritance import Inheritance, InheritedTensor
from trainers.inherit.layout import layout_of
from trainers.inherit.matching import NEW, Matching
from trainers.inherit.relative import Relative
from trainers.inherit.shortcuts import adapt_branches, altered_blocks

Channels = Literal["important", "first"]
"""Which channels of a wider relative are taken: those that matter most, or the first ones."""

NESTED_PARTS = ("backbone", "neck")
"""Parts whose channels `width_percent` scales, and of which a nested relative's first channels are a trained network."""


@torch.no_grad()
def inherit(child: Recognizer, charset: tuple[str, ...], relative: Relative, channels: Channels = "important") -> Inheritance:
    """Copies the weights of a trained relative into a network, as far as they correspond.

    Args:
        child: newly built, on any device; changed in place. Any architecture.
        charset: the child's symbols, in the order of its outputs.
        relative: any architecture, any charset.
        channels: which channels of a wider relative are taken, for all layers of a group of channels alike. Of backbone and
            neck of a nested relative, the first ones are in any case.

    Returns:
        What was inherited.

    Raises:
        UserError: the relative's weights are not those of its architecture and charset, or the child has another number of
            symbols than `charset`.
    """
    if child.symbols != len(charset):
        raise UserError(f"the network has {child.symbols} symbols but the charset {len(charset)}; build it for this charset")
    parent = relative.network()
    layouts = layout_of(child, charset), layout_of(parent, relative.charset)
    scores = group_scores(parent, layouts[1])
    for name, score in scores.items():
        if channels == "first" or (relative.nested and name.partition(".")[0] in NESTED_PARTS):
            scores[name] = torch.zeros_like(score)
    matching = Matching(child, parent, layouts, scores)
    trained, modules = parent.state_dict(), dict(child.named_modules())
    parameters = {name for name, _ in child.named_parameters()}
    cut_out = relative.nested and child.architecture.width_percent < parent.architecture.width_percent
    altered = () if cut_out else altered_blocks(child, parent)
    records = []
    for name, tensor in child.state_dict().items():
        owner = modules[name.rpartition(".")[0]]
        if name not in parameters and not isinstance(owner, _BatchNorm):
            continue  # a constant of the code
        sources = matching.sources(name)
        copied = 0 if sources is None else _copy(tensor, trained[name], sources, _reads_channels(owner))
        if name in parameters:
            records.append(InheritedTensor(name, tensor.numel(), copied, name.startswith(altered)))
    adapt_branches(child, parent, matching)
    return Inheritance(relative.architecture, tuple(records))


def _reads_channels(owner: nn.Module) -> bool:
    """Whether a layer's weights are rows of outputs that are sums over inputs."""
    sums = isinstance(owner, nn.Linear | _ConvNd | nn.RNNBase | nn.RNNCellBase)
    return sums and not isinstance(owner, _ConvTransposeNd)


def _copy(tensor: Tensor, trained: Tensor, sources: list[list[int]], sums: bool) -> int:
    """Copies the entries that have a source.

    Args:
        tensor: the child's; changed in place.
        trained: the relative's.
        sources: for each axis, the relative's index that each index takes, or NEW or FOREIGN.
        sums: whether axis 0 is outputs that sum over the other axes; those outputs get zeros from new inputs.

    Returns:
        The number of entries copied.
    """
    taken = [[index for index, source in enumerate(axis) if source >= 0] for axis in sources]
    if sums:
        for axis in range(1, tensor.ndim):
            new = [index for index, source in enumerate(sources[axis]) if source == NEW]
            every = [taken[0], *(list(range(size)) for size in tensor.shape[1:axis]), new]
            tensor[_grid([*every, *(list(range(size)) for size in tensor.shape[axis + 1 :])])] = 0
    read = [[source for source in axis if source >= 0] for axis in sources]
    tensor[_grid(taken)] = trained[_grid(read)].to(tensor)
    return prod(len(axis) for axis in taken)


def _grid(indices: Iterable[list[int]]) -> tuple[Tensor, ...]:
    """Indices along each axis, so shaped that together they select a grid."""
    axes = [torch.tensor(axis, dtype=torch.int64) for axis in indices]
    return tuple(axis.reshape((1,) * i + (-1,) + (1,) * (len(axes) - i - 1)) for i, axis in enumerate(axes))
