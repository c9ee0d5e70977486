"""Cuts a trained recogniser's backbone down to a share of its work.

    measure what each layer bears (or draw candidates) -> solve for the target -> cut -> recalibrate

Decisions:
- The target is met from above: the work removed is the least possible at or above `prune_percent`.
- `prune` returns the removed channels (`trainers.pruning.mask.PrunedChannels`). Removing them from freshly built modules gives
  the same network, so a checkpoint can be resumed.
- Every step looks at samples, so a cut takes about as long as an epoch and not a day. BatchNorm is recalibrated on a thirtieth
  of the training lines, EagleEye's share, wherever networks cut to the target are read; the hundred small cuts of a
  sensitivity table make do with the evaluation_sample's own sample.
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
from trainers.pruning.solver import Table, solve
from trainers.pruning.torch_pruning_adapter import PruningGraph


@dataclass(frozen=True)
class PruningSettings:
    """How thoroughly pruning searches for the channels to remove.

    Attributes:
        ratios: shares of each layer that the sensitivity is measured at.
        candidates: ways to cut that EagleEye draws, at least 1.
        skip: groups to leave as they are.
    """

    ratios: tuple[float, ...] = (0.3, 0.6, 0.9)
    candidates: int = 12
    skip: tuple[str, ...] = ()


RECALIBRATED_SHARE = 1 / 30
"""Of the training lines, and never fewer than the evaluation_sample's sample."""


def prune(
    recognizer: Recognizer,
    percent: int,
    criterion: str,
    evaluation_sample: EvaluationSample,
    seed: int,
    effort: PruningSettings | None = None,
) -> PrunedChannels:
    """Cuts a recogniser in place and recalibrates it.

    Args:
        recognizer: trained, on the CPU.
        percent: share of the backbone's multiply-adds to remove, 1 to 95.
        criterion: `l1`, `l2`, `fpgm` or `eagleeye`.
        evaluation_sample: what accuracy is read from.
        seed: of EagleEye's draws.
        effort: ratios and number of candidates to try; None takes the defaults.

    Returns:
        What was cut.

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


def larger_evaluation_sample(evaluation_sample: EvaluationSample) -> EvaluationSample:
    """The same evaluation sample with enough training lines to recalibrate the pruned network (`RECALIBRATED_SHARE`)."""
    if not evaluation_sample.recalibration_lines:
        return evaluation_sample
    lines = max(evaluation_sample.recalibration_lines, round(RECALIBRATED_SHARE * len(evaluation_sample.lines)))
    return replace(evaluation_sample, recalibration_lines=lines)


def solved(table: Table, recognizer: Recognizer, percent: int, skip: Collection[str] = ()) -> dict[str, int]:
    """Channels to remove from each group by a sensitivity table.

    Raises:
        UserError: that much cannot be removed.
    """
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    removed_work = RemovedMacs(backbone_work(recognizer), groups)
    channels = {group.name: group.channels for group in groups}
    return solve({n: p for n, p in table.items() if n in channels}, channels, removed_work, percent / 100, skip)
