"""The stages of one cut, each with the accuracy behind it: right after the cut, after recalibration, after fine-tuning.

All of it is the product's own code, taken apart so that accuracy can be read between the steps of a trial.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from search_space.counting import flops
from search_space.recognizer import Recognizer
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.data.dataset import LineDataset
from trainers.evaluation.validation import validate
from trainers.pruning.eagleeye import Drawn, draw_candidates
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.macs import RemovedMacs, backbone_work
from trainers.pruning.mask import PrunedChannels, cut_away
from trainers.pruning.prune import PruningSettings, larger_evaluation_sample
from trainers.pruning.recalibrate import recalibrate
from trainers.pruning.torch_pruning_adapter import PruningGraph
from trainers.training.checkpoint import load_checkpoint, save_checkpoint
from trainers.training.job import TrainingJob
from trainers.training.loop import train
from trainers.training.optimizer import make_optimizer

FLOPS_WIDTH_PX = 320


@dataclass(frozen=True)
class Bench:
    """What all cuts start from.

    Attributes:
        parent: trained, unpruned.
        architecture: the parent's.
        prepared: its lines.
        recipe: how it was trained and the cuts are fine-tuned.
        fine_tuned_epochs: of each cut.
        seed: of everything.
    """

    parent: Recognizer
    architecture: Architecture
    prepared: LineDataset
    recipe: Recipe
    fine_tuned_epochs: int
    seed: int = 0

    @property
    def evaluation_sample(self) -> EvaluationSample:
        """As a trial has it."""
        return EvaluationSample(self.prepared.training, self.prepared.charset.symbols)

    def accuracy(self, recognizer: Recognizer) -> float:
        """Over all validation lines."""
        return validate(recognizer, self.prepared.validation, self.prepared.charset.symbols).accuracy


def cut_and_recalibrated(
    bench: Bench, removed: Mapping[str, int], criterion: str
) -> tuple[Recognizer, PrunedChannels, dict[str, float]]:
    """The network that is left, what went, and what it reads on the way."""
    recognizer = copy.deepcopy(bench.parent)
    before = flops(recognizer, bench.architecture.height_px, FLOPS_WIDTH_PX).backbone
    cut = cut_away(recognizer, removed, criterion)
    row = {"work_removed": 1 - flops(recognizer, bench.architecture.height_px, FLOPS_WIDTH_PX).backbone / before}
    row["after_cut"] = bench.accuracy(recognizer)
    recalibrate(recognizer, bench.prepared.training, larger_evaluation_sample(bench.evaluation_sample).recalibration_lines)
    row["after_recalibration"] = bench.accuracy(recognizer)
    return recognizer, cut, row


def fine_tuned(
    bench: Bench,
    percent: int,
    criterion: str,
    start: Callable[[], tuple[Recognizer, PrunedChannels]],
    folder: Path,
    report: Report,
) -> float | None:
    """Accuracy after the second phase of a trial that cuts so much; None when there are epochs left.

    Args:
        bench: what the cut starts from.
        percent: share of the work that went.
        criterion: what it went by.
        start: gives the cut and recalibrated network; asked only if the folder has no checkpoint.
        folder: the training's own.
        report: False pauses.
    """
    architecture = bench.architecture.with_(prune_percent=percent, prune_criterion=criterion)
    epochs, known = 2 * bench.fine_tuned_epochs, bench.prepared
    job = TrainingJob(architecture, known, bench.recipe, epochs, folder, bench.seed)
    if load_checkpoint(folder, job.identity) is None:
        save_checkpoint(folder, job.identity, _at_the_cut(bench, *start()))
    outcome = train(job, report)
    return None if isinstance(outcome, Paused) else bench.accuracy(outcome.recognizer)


def _at_the_cut(bench: Bench, recognizer: Recognizer, cut: PrunedChannels) -> dict[str, Any]:
    """The checkpoint of a trial that has just been cut; the epochs before it are the parent's."""
    lines = bench.recipe.lines_per_batch(len(bench.prepared.training))
    optimizer = make_optimizer(recognizer, bench.recipe.with_(batch_lines=lines))
    past = [EpochReport(n + 1, 2 * bench.fine_tuned_epochs, 0.0, 0.0, 0.0, 0.0) for n in range(bench.fine_tuned_epochs)]
    return {
        "recognizer": recognizer.state_dict(),
        "optimizer": optimizer.state_dict(),
        "average": None,
        "history": [epoch.as_dict() for epoch in past],
        "eased": {},
        "cut": cut.as_dict(),
    }


def candidates_of(bench: Bench, percent: int) -> tuple[list[Drawn], list[float]]:
    """EagleEye's candidates, best first, and what each reads in the validation lines; training lines chose it."""
    groups = PruningGraph(copy.deepcopy(bench.parent)).groups()
    work = RemovedMacs(backbone_work(bench.parent), groups)
    sample = larger_evaluation_sample(bench.evaluation_sample)
    drawn = draw_candidates(bench.parent, groups, work, percent / 100, sample, PruningSettings().candidates, bench.seed)
    unseen = []
    for candidate in drawn:
        recognizer = copy.deepcopy(bench.parent)
        cut_away(recognizer, candidate.removed, "eagleeye")
        recalibrate(recognizer, sample.lines, sample.recalibration_lines)
        unseen.append(bench.accuracy(recognizer))
    return drawn, unseen
