"""Which channels of a relative a narrower network takes over.

Decisions:
- A group is ranked once, so all layers that share its channels take the same ones, and sums and gates stay consistent.
- A channel is as important as the scales |gamma| of the BatchNorms on it; where there is no BatchNorm, as the L2 norms of the
  weights that make it. Each layer is scaled to a mean of 1, and the layers of a group are added up.
- Those taken keep their order, so neighbours stay neighbours as far as possible.

Source: BatchNorm scales: Liu et al., Learning Efficient Convolutional Networks through Network Slimming, 2017
(arXiv:1708.06519); filter norms: Li et al., Pruning Filters for Efficient ConvNets, 2016 (arXiv:1608.08710).
"""

from __future__ import annotations

from collections import defaultdict

import torch
from torch import Tensor
from torch.nn.modules.batchnorm import _BatchNorm

from search_space.recognizer import Recognizer
from trainers.inherit.values import Group, Layout, Run


def group_scores(recognizer: Recognizer, layout: Layout) -> dict[str, Tensor]:
    """Importance of each channel of each group, (C,), at least 0.

    Args:
        recognizer: the relative.
        layout: of its channels.
    """
    state = recognizer.state_dict()
    norms = {f"{name}.weight" for name, module in recognizer.named_modules() if isinstance(module, _BatchNorm)}
    of_norms: defaultdict[str, list[Tensor]] = defaultdict(list)
    of_filters: defaultdict[str, list[Tensor]] = defaultdict(list)
    for (tensor, axis), runs in layout.axes.items():
        weight = state.get(tensor)
        if axis != 0 or weight is None or (weight.ndim < 2 and tensor not in norms):
            continue
        sizes = weight.detach().float().flatten(1).norm(dim=1) if weight.ndim > 1 else weight.detach().float().abs()
        for run in runs:
            (of_norms if tensor in norms else of_filters)[run.group].append(_by_channel(sizes, run, layout.groups[run.group]))
    return {name: sum(of_norms[name] or of_filters[name], torch.zeros(group.channels)) for name, group in layout.groups.items()}


def _by_channel(sizes: Tensor, run: Run, group: Group) -> Tensor:
    """The sizes of a run's indices, added up for each channel and scaled to a mean of 1."""
    total = torch.zeros(group.channels).index_add_(0, torch.tensor(run.channels), sizes[list(run.positions)].cpu())
    return total / total.mean().clamp_min(1e-12)


def most_important(scores: Tensor, relative: Group, child: Group) -> list[int | None]:
    """For each channel of a child's group, the relative's channel that it takes over; None for a new one.

    Args:
        scores: (C,) importance of the relative's channels.
        relative: the relative's group.
        child: the child's group. A wider one takes all of the relative's channels, in their order, and new ones behind them.
    """
    table = scores.reshape(-1, relative.block)
    blocks = _largest(table.sum(1), child.channels // child.block)
    inside = [_largest(row, child.block) for row in table] if relative.block > 1 else [[0]] * len(table)
    taken: list[int | None] = []
    for block in blocks:
        found: list[int | None] = [block * relative.block + place for place in inside[block]]
        taken += found + [None] * (child.block - len(found))
    return taken + [None] * (child.channels - len(taken))


def same_symbols(relative: Group, child: Group) -> list[int | None]:
    """For each class of a child, the relative's class of the same symbol; None where it has none."""
    assert relative.symbols is not None and child.symbols is not None
    known = {symbol: index for index, symbol in enumerate(relative.symbols)}
    return [known.get(symbol) for symbol in child.symbols]


def _largest(scores: Tensor, count: int) -> list[int]:
    """Indices of the `count` largest values (the first of equal ones), ascending; all of them if there are fewer."""
    ranked = scores.argsort(descending=True, stable=True)
    return sorted(ranked[:count].tolist())
