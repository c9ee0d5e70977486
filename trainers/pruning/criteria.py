"""Ranks the channels of a group by importance: by the norm of their filters, or by how well other filters can replace them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from trainers.pruning.groups import ChannelGroup

Criterion = str
"""`l1`, `l2` (norm of the filter) or `fpgm` (distance to all other filters); `eagleeye` ranks by l1."""


def scores(recognizer: nn.Module, group: ChannelGroup, criterion: Criterion) -> Tensor:
    """Importance of each channel of a group, (C,): the mean over the layers that produce it, each scaled to a mean of 1.

    Args:
        recognizer: the network of the group.
        group: channels that are removed together.
        criterion: `l1`, `l2`, `fpgm` or `eagleeye`.

    Source:
        l1, l2: Li et al. 2016 (arXiv:1608.08710); fpgm: He et al. 2018 (arXiv:1811.00250).
    """
    total = torch.zeros(group.channels)
    for name in group.makers:
        layer = recognizer.get_submodule(name)
        weight = layer.weight
        assert isinstance(weight, Tensor)
        if weight.shape[0] != group.channels:
            continue
        score = _of_filters(weight.detach().flatten(1).float().cpu(), criterion)
        total += score / score.mean().clamp_min(1e-12)
    return total


def _of_filters(filters: Tensor, criterion: Criterion) -> Tensor:
    """Importance of each row of (C, weights)."""
    if criterion == "fpgm":
        return torch.cdist(filters, filters).sum(1)
    return filters.square().sum(1).sqrt() if criterion == "l2" else filters.abs().sum(1)


def least(recognizer: nn.Module, group: ChannelGroup, criterion: Criterion, count: int) -> list[int]:
    """The `count` least important channels of a group, in ascending order of their index."""
    ranked = scores(recognizer, group, criterion).argsort(stable=True)
    return sorted(ranked[:count].tolist())
