"""Cuts a trained recogniser's backbone down to a share of its work.

    measure what each layer bears (or draw candidates) -> solve for the target -> cut -> recalibrate

Decisions:
- The target is met from above: the work removed is the least possible at or above `prune_percent`.
- What was cut is a small value (`Cut`): it makes the same network of freshly built modules, so a checkpoint can be resumed.
- Every step looks at samples, so a cut takes about as long as an epoch and not a day.
"""

from __future__ import annotations

import copy
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from search_space.recognizer import Recognizer
from trainers.pruning.criteria import least
from trainers.pruning.eagleeye import draw_candidates
from trainers.pruning.recalibrate import recalibrate
from trainers.pruning.sensitivity import Lookout, measure_sensitivity
from trainers.pruning.solver import Table, solve
from trainers.pruning.torch_pruning_door import Coupling
from trainers.pruning.work import RemovedWork, backbone_work


@dataclass(frozen=True)
class Effort:
    """How long is looked for a good cut.

    Attributes:
        ratios: shares of each layer that the sensitivity is measured at.
        candidates: ways to cut that EagleEye draws.
        skip: groups to leave as they are.
    """

    ratios: tuple[float, ...] = (0.3, 0.6, 0.9)
    candidates: int = 12
    skip: tuple[str, ...] = ()


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


def prune(
    recognizer: Recognizer, percent: int, criterion: str, lookout: Lookout, seed: int, effort: Effort | None = None
) -> Cut:
    """Cuts a recogniser in place and recalibrates it.

    Args:
        recognizer: trained, on the CPU.
        percent: share of the backbone's multiply-adds to remove, 1 to 95.
        criterion: `l1`, `l2`, `fpgm` or `eagleeye`.
        lookout: what accuracy is read from.
        seed: of EagleEye's draws.
        effort: how long is looked.

    Returns:
        What was cut.

    Raises:
        UserError: that much cannot be removed.
    """
    effort = effort or Effort()
    groups = [g for g in Coupling(copy.deepcopy(recognizer)).groups() if g.name not in effort.skip]
    removed_work = RemovedWork(backbone_work(recognizer), groups)
    if criterion == "eagleeye":
        best = draw_candidates(recognizer, groups, removed_work, percent / 100, lookout, effort.candidates, seed)[0]
        removed = best.removed
    else:
        table = measure_sensitivity(recognizer, lookout, criterion, effort.ratios)
        removed = solved(table, recognizer, percent, effort.skip)
    cut = cut_away(recognizer, removed, criterion)
    recalibrate(recognizer, lookout.training, lookout.training_lines)
    return cut


def solved(table: Table, recognizer: Recognizer, percent: int, skip: Collection[str] = ()) -> dict[str, int]:
    """Channels to remove from each group by a sensitivity table.

    Raises:
        UserError: that much cannot be removed.
    """
    groups = Coupling(copy.deepcopy(recognizer)).groups()
    removed_work = RemovedWork(backbone_work(recognizer), groups)
    channels = {group.name: group.channels for group in groups}
    return solve({n: p for n, p in table.items() if n in channels}, channels, removed_work, percent / 100, skip)


def cut_away(recognizer: Recognizer, removed: Mapping[str, int], criterion: str) -> Cut:
    """Cuts so many of each group's least important channels, in place."""
    coupling = Coupling(recognizer)
    ranked = {g.name: least(recognizer, g, criterion, removed[g.name]) for g in coupling.groups() if removed.get(g.name)}
    for name, channels in ranked.items():
        coupling.remove(name, channels)
    return Cut({name: tuple(channels) for name, channels in ranked.items()})


def cut_again(recognizer: Recognizer, cut: Cut) -> None:
    """Makes the same cut in a freshly built recogniser, in place."""
    coupling = Coupling(recognizer)
    for name, channels in cut.channels.items():
        coupling.remove(name, channels)
