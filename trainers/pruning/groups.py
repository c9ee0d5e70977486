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
