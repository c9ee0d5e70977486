"""Groups of channels that must be removed together, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerSlice:
    """The inputs or outputs of a layer that are removed with a group.

    Attributes:
        layer: name of the layer in the recogniser.
        out: True for its outputs, False for its inputs.
        per_channel: number of inputs or outputs for each channel of the group.
    """

    layer: str
    out: bool
    per_channel: float


@dataclass(frozen=True)
class ChannelGroup:
    """Channels that must be removed together.

    Attributes:
        name: name of the group: the first layer, in the recogniser's order, that has them as outputs.
        channels: number of channels.
        slices: all layers that lose inputs or outputs.
    """

    name: str
    channels: int
    slices: tuple[LayerSlice, ...]

    @property
    def makers(self) -> tuple[str, ...]:
        """Layers that have these channels as outputs."""
        return tuple(part.layer for part in self.slices if part.out and part.per_channel == 1)


@dataclass(frozen=True)
class GroupMember:
    """A layer, or a parameter outside of any layer, in which a group has channels.

    Attributes:
        name: of the layer or of the parameter, in the recogniser.
        axis: of a layer, 0 for its outputs and 1 for its inputs; of a parameter, the axis of the channels.
        positions: indices along that axis.
        channels: the channel of the group that is at each position.
    """

    name: str
    axis: int
    positions: tuple[int, ...]
    channels: tuple[int, ...]
