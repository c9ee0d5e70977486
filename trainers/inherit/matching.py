"""Which tensors of two networks mean the same, and which entry of the relative's each entry of the child's takes.

Decisions:
- Tensors correspond by name, if every module on the way to them is of the same class in both networks: the `reduce` of
  coordinate attention is not that of squeeze-and-excitation, and a GRU is not an LSTM.
- Backbone and neck correspond only within a family: blocks of other families have the same names by accident.
- Groups of channels correspond if a layer of the same name makes them. A layer that reads other features than the relative's
  did (another neck, another encoder in front) keeps its random weights for them.
- An axis without a layout is taken whole if the sizes agree; otherwise its first indices are, and of kernels the middle.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping

from torch import Tensor, nn

from search_space.recognizer import Recognizer
from trainers.inherit.importance import most_important, same_symbols
from trainers.inherit.values import Layout, Run

NEW = -1
"""Source of an index that the relative lacks: a channel beyond its own, or a symbol that it does not know."""
FOREIGN = -2
"""Source of an index that stands for something else in the relative."""

FIRST_KERNEL_AXIS = 2
"""Axes from this one on are rows and columns of a kernel."""


class Matching:
    """Compares a child with its relative.

    Args:
        child: the new network.
        relative: the trained network.
        layouts: of the child and of the relative.
        scores: importance of the channels of each of the relative's groups.
    """

    def __init__(
        self, child: Recognizer, relative: Recognizer, layouts: tuple[Layout, Layout], scores: Mapping[str, Tensor]
    ) -> None:
        self._child, self._relative, self._scores = child, relative, scores
        self._of_child, self._of_relative = layouts
        self._states = child.state_dict(), relative.state_dict()
        self._modules = dict(child.named_modules()), dict(relative.named_modules())
        self._same_family = _family(child) == _family(relative)
        self._same_head_symbols = _head_symbols(self._of_child) == _head_symbols(self._of_relative)
        self._sources: dict[tuple[str, str], list[int | None]] = {}
        self._links = self._linked_groups()

    def sources(self, name: str) -> list[list[int]] | None:
        """For each axis of a child's tensor, the relative's index that each index takes, or NEW or FOREIGN.

        Returns:
            None if the relative has nothing for this tensor.
        """
        if not self._corresponds(name):
            return None
        found = [self._axis(name, axis) for axis in range(self._states[0][name].ndim)]
        return found if all(any(source >= 0 for source in axis) for axis in found) else None

    def _corresponds(self, name: str) -> bool:
        """Whether both networks have a tensor that means the same under this name."""
        child, relative = (state.get(name) for state in self._states)
        if child is None or relative is None or child.ndim != relative.ndim:
            return False
        path = name.split(".")[:-1]
        if path[0] in ("backbone", "neck") and not self._same_family:
            return False
        if path[0] == "head" and not self._same_head_symbols and not self._has_symbol_axes():
            return False
        prefixes = [".".join(path[:end]) for end in range(min(2, len(path)), len(path) + 1)]
        return all(_same_class(*(modules[prefix] for modules in self._modules)) for prefix in prefixes)

    def _has_symbol_axes(self) -> bool:
        """Whether it is known where the child's head has its symbols: not of the head of an extension."""
        symbols = {name for name, group in self._of_child.groups.items() if group.symbols is not None}
        return any(
            run.group in symbols for (name, _), runs in self._of_child.axes.items() for run in runs if name[:5] == "head."
        )

    def _linked_groups(self) -> set[tuple[str, str]]:
        """Pairs of groups, the child's and the relative's, that are made by a layer of the same name."""
        links = set()
        for (name, axis), runs in self._of_child.axes.items():
            others = self._of_relative.axes.get((name, axis), ())
            if axis == 0 and len(runs) == len(others) and self._states[0][name].ndim > 1 and self._corresponds(name):
                links |= {(run.group, other.group) for run, other in zip(runs, others, strict=True)}
        return links

    def _axis(self, name: str, axis: int) -> list[int]:
        size, others = (state[name].shape[axis] for state in self._states)
        runs, of_relative = (layout.axes.get((name, axis)) for layout in (self._of_child, self._of_relative))
        if runs is None or of_relative is None:
            return _overlap(size, others, middle=axis >= FIRST_KERNEL_AXIS)
        found = [FOREIGN] * size
        if len(runs) == len(of_relative):
            for run, other in zip(runs, of_relative, strict=True):
                for position, source in self._run(run, other):
                    found[position] = source
        return found

    def _run(self, run: Run, other: Run) -> list[tuple[int, int]]:
        """Pairs of a child's position and its source, for a run and the relative's run at the same place."""
        channels = self._channels(run.group, other.group)
        if channels is None:
            return []
        places: defaultdict[int, list[int]] = defaultdict(list)
        for position, channel in zip(other.positions, other.channels, strict=True):
            places[channel].append(position)
        seen: defaultdict[int, int] = defaultdict(int)
        pairs = []
        for position, channel in zip(run.positions, run.channels, strict=True):
            source = channels[channel]
            at = [] if source is None else places[source]
            pairs.append((position, at[seen[channel]] if seen[channel] < len(at) else NEW))
            seen[channel] += 1
        return pairs

    def _channels(self, group: str, other: str) -> list[int | None] | None:
        """The relative's channel that each channel of a child's group takes; None if the groups do not correspond."""
        child, relative = self._of_child.groups[group], self._of_relative.groups[other]
        symbols = child.symbols is not None and relative.symbols is not None
        if not symbols and (group, other) not in self._links:
            return None
        if (group, other) not in self._sources:
            self._sources[group, other] = (
                same_symbols(relative, child) if symbols else most_important(self._scores[other], relative, child)
            )
        return self._sources[group, other]


def _family(recognizer: Recognizer) -> str:
    """The backbone's name; for timm without the multiplier that some names end in: `timm/mobilenetv3_small_100`."""
    name = recognizer.architecture.backbone
    return re.sub(r"_\d{3}$", "", name) if name.startswith("timm/") else name


def _head_symbols(layout: Layout) -> list[tuple[str, ...]]:
    """The symbols of the head."""
    return [g.symbols for name, g in layout.groups.items() if g.symbols is not None and name.startswith("head.")]


def _same_class(child: nn.Module, relative: nn.Module) -> bool:
    return isinstance(child, type(relative)) or isinstance(relative, type(child))


def _overlap(size: int, others: int, middle: bool) -> list[int]:
    """Sources along an axis without a layout: the first indices, or those around the middle."""
    shift = (others - size) // 2 if middle and (others - size) % 2 == 0 else 0
    return [index + shift if 0 <= index + shift < others else NEW for index in range(size)]
