"""Finds channels that depend on each other, and removes them. This is the only module that imports torch-pruning.

Decisions:
- The dependency graph covers backbone, neck and pooling. `resize_dependents.py` resizes the layers after the pooling, because
  torch-pruning does not support GRUs.
- Only channels of the backbone are pruned, since `prune_percent` counts its work. Squeeze-and-excitation, depthwise
  convolutions, shortcuts and the inputs of the neck lose the same channels.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import torch
import torch_pruning
from torch import Tensor, nn

from search_space.recognizer import Recognizer
from trainers.pruning.groups import ChannelGroup, GroupMember, LayerSlice
from trainers.pruning.macs import LAYERS
from trainers.pruning.resize_dependents import can_resize_dependents, resize_dependents

COLUMNS = "end"
"""Name of the member of a group that stands for the features of the columns, which the encoder reads."""

EXAMPLE_STEPS = 24
"""Time steps of the example image with which the graph is traced."""


class _Passed(torch_pruning.BasePruningFunc):  # type: ignore[misc]
    """Handles a convolution over the channel axis (ECA): it keeps its weights when channels are removed."""

    def prune_out_channels(self, layer: nn.Module, idxs: Sequence[int]) -> nn.Module:
        return layer

    prune_in_channels = prune_out_channels

    def get_out_channels(self, layer: nn.Module) -> None:
        return None

    get_in_channels = get_out_channels


class _Columns(nn.Module):
    """Backbone, neck and pooling. A norm at the end records which features of the columns are removed."""

    def __init__(self, recognizer: Recognizer, width: int) -> None:
        super().__init__()
        self.backbone, self.neck, self.pooling = recognizer.backbone, recognizer.neck, recognizer.pooling
        self.end = nn.BatchNorm2d(width)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.backbone(images)
        return torch.as_tensor(self.end(self.pooling(maps[-1] if self.neck is None else self.neck(maps))))


class PruningGraph:
    """Finds the channels of a recogniser that depend on each other, and removes them.

    Args:
        recognizer: a network on the CPU; it is cut in place.
    """

    def __init__(self, recognizer: Recognizer) -> None:
        self.recognizer = recognizer
        width = _width_of(recognizer)
        self._columns = _Columns(recognizer, width)
        self._may_narrow = can_resize_dependents(recognizer.encoder, recognizer.head, width)
        a = recognizer.architecture
        example = torch.zeros(1, 3, a.height_px, EXAMPLE_STEPS * a.time_stride)
        training = recognizer.training
        self._columns.eval()
        with warnings.catch_warnings(), torch.enable_grad():
            warnings.simplefilter("ignore")  # it warns of parameters outside of layers, but finds their channels
            graph = torch_pruning.DependencyGraph()
            self._graph: Any = graph.build_dependency(
                self._columns, example_inputs=example, customized_pruners={nn.Conv1d: _Passed()}
            )
        recognizer.train(training)
        self._names = {module: name for name, module in self._columns.named_modules()}

    def groups(self) -> list[ChannelGroup]:
        """All groups of the backbone's channels that may be removed, in the recogniser's order."""
        found = [self._described(group) for group in self._graph.get_all_groups(root_module_types=list(LAYERS))]
        order = {name: index for index, name in enumerate(self._names.values())}
        offered = [group for group in found if group is not None and group.name.startswith("backbone.")]
        return sorted(offered, key=lambda group: order[group.name])

    def _described(self, group: Any) -> ChannelGroup | None:
        """Converts a group of torch-pruning; None if its channels must not be removed."""
        channels = len(group[0].idxs)
        shares = []
        for dependency, indices in group:
            module = dependency.target.module
            if module is self._columns.end and not self._may_narrow:
                return None
            if isinstance(module, LAYERS):
                out = self._graph.is_out_channel_pruning_fn(dependency.handler)
                shares.append(LayerSlice(self._names[module], out, len(indices) / channels))
        leaders = [share.layer for share in shares if share.out and share.per_channel == 1]
        if not leaders:
            return None
        order = list(self._names.values())
        return ChannelGroup(min(leaders, key=order.index), channels, tuple(shares))

    def members(self) -> Iterator[tuple[str, int, tuple[GroupMember, ...]]]:
        """All groups of channels of backbone and neck, including those that may not be cut: name, channels, members.

        The member `COLUMNS` is what reaches the encoder.
        """
        parameters = self._graph._param_to_name
        for group in self._graph.get_all_groups(root_module_types=list(LAYERS)):
            found = []
            for item in group:
                target = item.dep.target
                at = tuple(item.idxs), tuple(item.root_idxs)
                if target.module in parameters:
                    found.append(GroupMember(parameters[target.module], target.pruning_dim, *at))
                elif target.module in self._names and not isinstance(target.module, nn.Conv1d):
                    out = self._graph.is_out_channel_pruning_fn(item.dep.handler)
                    found.append(GroupMember(self._names[target.module], 0 if out else 1, *at))
            yield self._names[group[0].dep.target.module], len(group[0].idxs), tuple(found)

    def remove(self, name: str, channels: Sequence[int]) -> None:
        """Removes channels of the group `name` from all layers that have them."""
        if not channels:
            return
        layer: Any = self._columns.get_submodule(name)
        cut = torch_pruning.prune_conv_out_channels if isinstance(layer, nn.Conv2d) else torch_pruning.prune_linear_out_channels
        group = self._graph.get_pruning_group(layer, cut, list(channels))
        gone = [i for dependency, indices in group if dependency.target.module is self._columns.end for i in indices]
        width = self._columns.end.num_features
        group.prune()
        if gone:
            kept = torch.tensor(sorted(set(range(width)) - set(gone)))
            resize_dependents(self.recognizer.encoder, self.recognizer.head, width, kept)


def _width_of(recognizer: Recognizer) -> int:
    """Channels of the map that the pooling gets: fewer than `out_channels` if the recogniser was pruned before."""
    a = recognizer.architecture
    with torch.no_grad():
        images = torch.zeros(1, 3, a.height_px, EXAMPLE_STEPS * a.time_stride)
        training = recognizer.training
        recognizer.eval()
        maps = recognizer.backbone(images)
        fused = maps[-1] if recognizer.neck is None else recognizer.neck(maps)
        recognizer.train(training)
    return int(fused.shape[1])
