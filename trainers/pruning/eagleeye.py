"""EagleEye: draw many ways to cut, recalibrate each, keep the one that reads best before any fine-tuning.

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
"""Of a layer's channels."""


@dataclass(frozen=True)
class Drawn:
    """One way to cut and what it reads.

    Attributes:
        removed: group to channels removed.
        accuracy: after recalibration, in [0, 1].
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
    """Candidates that all remove `target` of the work, best first.

    Args:
        recognizer: trained, on the CPU; left as it is.
        groups: what may be cut.
        removed_work: share of the work that goes with so many channels of each group.
        target: share to remove, in [0, 1].
        evaluation_sample: what accuracy is read from.
        count: how many to draw.
        seed: the same seed draws the same ones.

    Raises:
        UserError: the target is out of reach.
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
    """Ratios drawn for each group and stretched together until the target is met."""
    weights = {group.name: generator.uniform(0.2, 1.0) for group in groups}

    def plan(stretch: float) -> dict[str, int]:
        return {g.name: removed_channels(g.channels, min(LARGEST_RATIO, stretch * weights[g.name])) for g in groups}

    return least_that_meets(plan, LARGEST_RATIO / min(weights.values()), removed_work, target)
