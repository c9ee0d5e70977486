"""Prunes the backbone of a trained recogniser to a fraction of its work.

    measure the sensitivity of each layer (or draw plans) -> solve for the target -> remove channels -> recalibrate

Decisions:
- The target is met from above: the work removed is the least possible at or above `prune_percent`.
- `prune` returns the removed channels (`trainers.pruning.mask.PrunedChannels`). Removing them from freshly built modules gives
  the same network, so a checkpoint can be resumed.
- Accuracy is measured on samples, so pruning takes about as long as an epoch. Networks that meet the target are recalibrated on
  a thirtieth of the training lines, as in EagleEye; the hundred networks of a sensitivity table on the evaluation sample's
  lines.
"""

from __future__ import annotations

import copy
from collections.abc import Collection
from dataclasses import dataclass, replace

from search_space.recognizer import Recognizer
from trainers.pruning.eagleeye import draw_candidates
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.macs import RemovedMacs, backbone_work
from trainers.pruning.mask import PrunedChannels, cut_away
from trainers.pruning.recalibrate import recalibrate
from trainers.pruning.sensitivity import measure_sensitivity
from trainers.pruning.solver import Table, least_that_meets, removed_channels, solve
from trainers.pruning.torch_pruning_adapter import PruningGraph


@dataclass(frozen=True)
class PruningSettings:
    """How thoroughly pruning searches for the channels to remove.

    Attributes:
        ratios: fractions of each layer's channels at which the sensitivity is measured.
        candidates: number of plans that EagleEye draws, at least 1.
        skip: groups that are not pruned.
    """

    ratios: tuple[float, ...] = (0.3, 0.6, 0.9)
    candidates: int = 12
    skip: tuple[str, ...] = ()


RECALIBRATED_SHARE = 1 / 30
"""Fraction of the training lines that recalibrate the pruned network, as in EagleEye's published code; never fewer lines than
those of the evaluation sample."""


def prune(
    recognizer: Recognizer,
    percent: int,
    criterion: str,
    evaluation_sample: EvaluationSample,
    seed: int,
    effort: PruningSettings | None = None,
) -> PrunedChannels:
    """Prunes a recogniser in place and recalibrates it.

    Args:
        recognizer: trained network on the CPU.
        percent: percentage of the backbone's multiply-adds to remove, 1 to 95.
        criterion: `l1`, `l2`, `fpgm` or `eagleeye`.
        evaluation_sample: training lines that accuracy is measured on.
        seed: seed of EagleEye's draws.
        effort: ratios and number of plans to try; None uses the defaults.

    Returns:
        The removed channels.

    Raises:
        UserError: that much cannot be removed.
    """
    effort = effort or PruningSettings()
    groups = [g for g in PruningGraph(copy.deepcopy(recognizer)).groups() if g.name not in effort.skip]
    removed_work = RemovedMacs(backbone_work(recognizer), groups)
    thorough = larger_evaluation_sample(evaluation_sample)
    if criterion == "eagleeye":
        best = draw_candidates(recognizer, groups, removed_work, percent / 100, thorough, effort.candidates, seed)[0]
        removed = best.removed
    else:
        table = measure_sensitivity(recognizer, evaluation_sample, criterion, effort.ratios)
        removed = solved(table, recognizer, percent, effort.skip)
    cut = cut_away(recognizer, removed, criterion)
    recalibrate(recognizer, evaluation_sample.lines, thorough.recalibration_lines)
    return cut


def check_target(recognizer: Recognizer, percent: int) -> None:
    """Checks that a network can lose so much of its work, which its weights have no part in: before it is trained.

    Args:
        recognizer: on the CPU; it is not changed.
        percent: percentage of the backbone's multiply-adds to remove.

    Raises:
        UnfitArchitecture: it cannot.
    """
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    ratio = max(PruningSettings().ratios)
    most = {group.name: removed_channels(group.channels, ratio) for group in groups}
    least_that_meets(lambda _: most, 0.0, RemovedMacs(backbone_work(recognizer), groups), percent / 100)


def larger_evaluation_sample(evaluation_sample: EvaluationSample) -> EvaluationSample:
    """The same evaluation sample with enough lines to recalibrate the pruned network (`RECALIBRATED_SHARE`)."""
    if not evaluation_sample.recalibration_lines:
        return evaluation_sample
    lines = max(evaluation_sample.recalibration_lines, round(RECALIBRATED_SHARE * len(evaluation_sample.lines)))
    return replace(evaluation_sample, recalibration_lines=lines)


def solved(table: Table, recognizer: Recognizer, percent: int, skip: Collection[str] = ()) -> dict[str, int]:
    """Computes from a sensitivity table how many channels to remove from each group.

    Raises:
        UserError: that much cannot be removed.
    """
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    removed_work = RemovedMacs(backbone_work(recognizer), groups)
    channels = {group.name: group.channels for group in groups}
    return solve({n: p for n, p in table.items() if n in channels}, channels, removed_work, percent / 100, skip)
