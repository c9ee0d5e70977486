"""Removes channels from a network, and removes the same channels again from a freshly built network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search_space.recognizer import Recognizer
from trainers.pruning.criteria import least
from trainers.pruning.torch_pruning_adapter import PruningGraph


@dataclass(frozen=True)
class PrunedChannels:
    """The channels that pruning removed, in the order of removal.

    Attributes:
        channels: name of a group to the indices of its removed channels, as they were before pruning.
    """

    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, list[int]]:
        return {name: list(removed) for name, removed in self.channels.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, list[int]]) -> PrunedChannels:
        return cls({name: tuple(removed) for name, removed in values.items()})


def cut_away(recognizer: Recognizer, removed: Mapping[str, int], criterion: str) -> PrunedChannels:
    """Removes the least important channels of each group, in place.

    Args:
        recognizer: a network on the CPU.
        removed: name of a group to the number of channels to remove.
        criterion: `l1`, `l2`, `fpgm` or `eagleeye`.

    Returns:
        The removed channels.
    """
    coupling = PruningGraph(recognizer)
    ranked = {g.name: least(recognizer, g, criterion, removed[g.name]) for g in coupling.groups() if removed.get(g.name)}
    for name, channels in ranked.items():
        coupling.remove(name, channels)
    return PrunedChannels({name: tuple(channels) for name, channels in ranked.items()})


def cut_again(recognizer: Recognizer, cut: PrunedChannels) -> None:
    """Removes the same channels from a freshly built recogniser, in place."""
    coupling = PruningGraph(recognizer)
    for name, channels in cut.channels.items():
        coupling.remove(name, channels)
