"""The channel layout of a network: for each axis of each tensor, the group of channels that its indices belong to.

Indices of one channel of a group depend on each other: an output of a convolution, its BatchNorm and the input of the next
convolution; all layers of a residual sum; a unit in all gates of a GRU.

Decisions:
- Backbone and neck: the dependency graph of pruning (`trainers.pruning`). Encoder and head, whose recurrent layers that graph
  does not know: `trainers.inherit.sequence_layout`.
- An axis that is not covered as a whole, or that two groups claim, has no layout, and neither has a backbone that the graph
  cannot follow. What has no layout can still be inherited, only not by importance (`trainers.inherit.matching`).
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field

from torch import Tensor

from search_space.recognizer import Recognizer
from trainers.inherit.sequence_layout import sequence_layout
from trainers.inherit.values import Axis, Group, Layout, Run
from trainers.pruning.groups import GroupMember
from trainers.pruning.torch_pruning_adapter import COLUMNS, PruningGraph

OTHER_FIELDS = {
    *("encoder", "encoder_hidden", "encoder_layers", "head", "head_rank", "rectifier", "auxiliary", "precision"),
    *("prune_percent", "prune_criterion"),
}
"""Fields of an architecture that backbone, neck and pooling do not depend on, or by their shapes alone."""
KNOWN_LAYOUTS = 8
"""Layouts that are kept: a child and the starter network that is cut for it have the same backbone most of the time."""

_Columns = tuple[Run, ...] | None
_known: dict[Hashable, tuple[Layout, _Columns]] = {}


def layout_of(recognizer: Recognizer, charset: tuple[str, ...]) -> Layout:
    """Finds the channel layout of a recogniser.

    Args:
        recognizer: on any device; it is not changed.
        charset: its symbols, in the order of its outputs.
    """
    key = _key(recognizer)
    if key not in _known:
        if len(_known) == KNOWN_LAYOUTS:
            del _known[next(iter(_known))]
        _known[key] = _backbone_layout(recognizer)
    backbone, columns = _known[key]
    return backbone | sequence_layout(recognizer, charset, columns)


def _key(recognizer: Recognizer) -> Hashable:
    """What backbone, neck and pooling are made of: networks with the same key have the same layout of them."""
    parts = {"backbone": recognizer.backbone, "neck": recognizer.neck, "pooling": recognizer.pooling}
    present = {name: part for name, part in parts.items() if part is not None}
    modules = [(name, at, type(module)) for name, part in present.items() for at, module in part.named_modules()]
    shapes = [(name, at, tensor.shape) for name, part in present.items() for at, tensor in part.state_dict().items()]
    fields = {key: value for key, value in recognizer.architecture.as_dict().items() if key not in OTHER_FIELDS}
    return tuple(modules), tuple(shapes), tuple(sorted(fields.items()))


def _backbone_layout(recognizer: Recognizer) -> tuple[Layout, _Columns]:
    """The layout of backbone and neck, and the groups that the features of a column belong to (None if that is not known)."""
    recognizer = copy.deepcopy(recognizer).cpu()  # the graph is followed with an image on the CPU
    claims = _Claims(recognizer.state_dict())
    try:
        for name, channels, members in PruningGraph(recognizer).members():
            claims.add(name, channels, members)
    except Exception:  # whatever torch-pruning raises for a timm model that it cannot follow
        claims = _Claims({})
    return claims.layout(), claims.columns()


@dataclass
class _Claims:
    """Which groups claim which indices of which axes of the tensors in `state`."""

    state: Mapping[str, Tensor]
    groups: dict[str, Group] = field(default_factory=dict)
    runs: defaultdict[Axis, list[Run]] = field(default_factory=lambda: defaultdict(list))

    def add(self, group: str, channels: int, members: Iterable[GroupMember]) -> None:
        """Adds the members of a group of backbone or neck."""
        self.groups[group] = Group(channels)
        for member in members:
            for tensor, axis in self._axes_of(member):
                self.runs[tensor, axis].append(Run(group, member.positions, member.channels))

    def layout(self) -> Layout:
        """The axes that are covered as a whole, each index once."""
        whole = {
            (tensor, axis): tuple(sorted(runs, key=lambda run: min(run.positions)))
            for (tensor, axis), runs in self.runs.items()
            if tensor != COLUMNS and _covers(runs, self.state[tensor].shape[axis])
        }
        return Layout(whole, self.groups)

    def columns(self) -> _Columns:
        """The groups that the features of a column belong to; None if that is not known."""
        runs = self.runs.get((COLUMNS, 0), [])
        size = sum(len(run.positions) for run in runs)
        return tuple(sorted(runs, key=lambda run: min(run.positions))) if runs and _covers(runs, size) else None

    def _axes_of(self, member: GroupMember) -> list[Axis]:
        """The axes of tensors that a member stands for."""
        if member.name in self.state or member.name == COLUMNS:
            return [(member.name, member.axis)]
        tensors = [name for name in self.state if name.rpartition(".")[0] == member.name]
        return [(name, member.axis) for name in tensors if self.state[name].ndim > member.axis]


def _covers(runs: list[Run], size: int) -> bool:
    """Whether runs cover every index of an axis exactly once."""
    return sorted(position for run in runs for position in run.positions) == list(range(size))
