"""The values that describe a channel layout: groups of channels, and the axes of tensors where they are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

Axis = tuple[str, int]
"""Name of a tensor in the state dict, and one of its axes."""


@dataclass(frozen=True)
class Group:
    """Channels that depend on each other across layers.

    Attributes:
        channels: how many.
        block: channels that stay together, such as those of one attention head; 1 for channels that stand alone.
        symbols: for a group of classes, the symbol of each: a character, or the name of a special symbol such as "blank".
    """

    channels: int
    block: int = 1
    symbols: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Run:
    """Indices along an axis that belong to one group.

    Attributes:
        group: name of the group.
        positions: indices along the axis.
        channels: the channel of the group at each of them.
    """

    group: str
    positions: tuple[int, ...]
    channels: tuple[int, ...]

    @classmethod
    def at(cls, group: str, start: int, channels: int) -> Run:
        """All channels of a group in order, from index `start` on."""
        return cls(group, tuple(range(start, start + channels)), tuple(range(channels)))


@dataclass(frozen=True)
class Layout:
    """The channel layout of a network.

    Attributes:
        axes: axis to its runs, in the order of their first index; axes without a layout are missing.
        groups: name to group.
    """

    axes: Mapping[Axis, tuple[Run, ...]]
    groups: Mapping[str, Group]

    def __or__(self, other: Layout) -> Layout:
        return Layout({**self.axes, **other.axes}, {**self.groups, **other.groups})
