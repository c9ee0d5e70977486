"""Layer sensitivity: the accuracy that a trained network loses when a fraction of one layer's channels is removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from trainers.base.progress import Report
from trainers.data.dataset import LineDataset
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.sensitivity import RATIOS, keep_only_of, measure_sensitivity
from trainers.training.loop import TrainingResult, train
from trainers.trial.run import TrialJob, training_job


def train_job(job: TrialJob, prepared: LineDataset, report: Report) -> TrainingResult:
    """Trains the network of a job to the end, without exporting it; resumes from a checkpoint in the job's folder.

    Args:
        job: the trial to train.
        prepared: its dataset.
        report: called with the report of each epoch; must return True.

    Returns:
        The trained network with the reports of its epochs.
    """
    torch.set_num_threads(job.threads)
    outcome = train(training_job(job, prepared), report)
    assert isinstance(outcome, TrainingResult)  # `report` is expected never to pause it
    return outcome


def sensitivity_of(
    trained: TrainingResult,
    job: TrialJob,
    prepared: LineDataset,
    criterion: str,
    read_lines: int,
    table_file: Path,
    show: Callable[[int, int], None],
) -> dict[str, list[tuple[float, float]]]:
    """Measures the sensitivity of each layer.

    Args:
        trained: result of `train_job`.
        job: the trial that was trained.
        prepared: its dataset.
        criterion: decides which channels are removed first: "l1", "l2" or "fpgm".
        read_lines: number of training lines that are read for each measurement; at most half of them.
        table_file: CSV file of finished measurements; those of another training or of other settings are dropped.
        show: called with (layers done, all layers) as the measurement proceeds.

    Returns:
        Layer name to pairs (fraction of its channels removed, relative loss of accuracy).
    """
    keep_only_of(table_file, f"{training_job(job, prepared).identity} {criterion} {read_lines} training lines")
    sample = EvaluationSample(prepared.training, prepared.charset.symbols, read_lines=read_lines)
    return measure_sensitivity(trained.recognizer, sample, criterion, RATIOS, table_file, show)
