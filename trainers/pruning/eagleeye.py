"""EagleEye: draws random pruning plans, recalibrates each pruned network, and keeps the most accurate one without fine-tuning.

Source: EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning, 2020 (arXiv:2007.02491).
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from search_space.recognizer import Recognizer
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.groups import ChannelGroup
from trainers.pruning.mask import cut_away
from trainers.pruning.solver import least_that_meets, removed_channels

LARGEST_RATIO = 0.9
"""Largest fraction of a layer's channels that a plan removes: the largest ratio of the sensitivity tables."""


@dataclass(frozen=True)
class Drawn:
    """A pruning plan and its accuracy.

    Attributes:
        removed: number of channels to remove, by group.
        accuracy: accuracy after recalibration, in [0, 1].
    """

    removed: dict[str, int]
    accuracy: float


def draw_candidates(
    recognizer: Recognizer,
    groups: Sequence[ChannelGroup],
    removed_work: Callable[[Mapping[str, int]], float],
    target: float,
    evaluation_sample: EvaluationSample,
    count: int,
    seed: int,
) -> list[Drawn]:
    """Draws pruning plans that remove a fraction of the work, and sorts them by accuracy, best first.

    Args:
        recognizer: trained network on the CPU; it is not changed.
        groups: groups that may be pruned.
        removed_work: computes the fraction of the work that a plan removes.
        target: fraction of the work to remove, in [0, 1].
        evaluation_sample: training lines that accuracy is measured on.
        count: number of plans.
        seed: seed of the draws.

    Raises:
        UserError: no plan removes that much.
    """
    generator = random.Random(seed)
    drawn = []
    for _ in range(count):
        removed = random_plan(groups, removed_work, target, generator)
        trial = copy.deepcopy(recognizer)
        cut_away(trial, removed, "eagleeye")
        drawn.append(Drawn(removed, evaluation_sample.accuracy(trial)))
    return sorted(drawn, key=lambda candidate: -candidate.accuracy)


def random_plan(
    groups: Sequence[ChannelGroup],
    removed_work: Callable[[Mapping[str, int]], float],
    target: float,
    generator: random.Random,
) -> dict[str, int]:
    """Draws a ratio for each group, and scales all ratios by one factor to meet the target."""
    weights = {group.name: generator.uniform(0.2, 1.0) for group in groups}

    def plan(stretch: float) -> dict[str, int]:
        return {g.name: removed_channels(g.channels, min(LARGEST_RATIO, stretch * weights[g.name])) for g in groups}

    return least_that_meets(plan, LARGEST_RATIO / min(weights.values()), removed_work, target)
