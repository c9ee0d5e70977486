"""Groups of channels that can only be pruned together, as plain values."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Share:
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
        shares: all layers that lose something.
    """

    name: str
    channels: int
    shares: tuple[Share, ...]

    @property
    def makers(self) -> tuple[str, ...]:
        """Layers whose filters these channels are."""
        return tuple(share.layer for share in self.shares if share.out and share.per_channel == 1)
