"""Groups of channels that can only be pruned together, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerSlice:
    """A side of a layer that loses channels with a group.

    Attributes:
        layer: its name in the recogniser.
        out: whether outputs go; else inputs.
        per_channel: how many of them with one channel of the group.
    """

    layer: str
    out: bool
    per_channel: float


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that can only go together.

    Attributes:
        name: the layer that leads the group: the first one, in the recogniser's order, whose outputs they are.
        channels: how many there are.
        slices: all layers that lose channels.
    """

    name: str
    channels: int
    slices: tuple[LayerSlice, ...]

    @property
    def makers(self) -> tuple[str, ...]:
        """Layers whose filters these channels are."""
        return tuple(part.layer for part in self.slices if part.out and part.per_channel == 1)
