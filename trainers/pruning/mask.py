"""The cut itself: which channels went, taken out of a network, and out of a freshly built one again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from search_space.recognizer import Recognizer
from trainers.pruning.criteria import least
from trainers.pruning.torch_pruning_adapter import PruningGraph


@dataclass(frozen=True)
class Cut:
    """What was cut, in the order it was.

    Attributes:
        channels: group to the channels removed, counted before the cut.
    """

    channels: Mapping[str, tuple[int, ...]] = field(default_factory=dict)

    def as_dict(self) -> dict[str, list[int]]:
        return {name: list(removed) for name, removed in self.channels.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, list[int]]) -> Cut:
        return cls({name: tuple(removed) for name, removed in values.items()})


def cut_away(recognizer: Recognizer, removed: Mapping[str, int], criterion: str) -> Cut:
    """Cuts so many of each group's least important channels, in place."""
    coupling = PruningGraph(recognizer)
    ranked = {g.name: least(recognizer, g, criterion, removed[g.name]) for g in coupling.groups() if removed.get(g.name)}
    for name, channels in ranked.items():
        coupling.remove(name, channels)
    return Cut({name: tuple(channels) for name, channels in ranked.items()})


def cut_again(recognizer: Recognizer, cut: Cut) -> None:
    """Makes the same cut in a freshly built recogniser, in place."""
    coupling = PruningGraph(recognizer)
    for name, channels in cut.channels.items():
        coupling.remove(name, channels)
