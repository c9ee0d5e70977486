"""How much accuracy each layer of a trained network loses when a part of its channels is removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

from trainers.base.progress import Report
from trainers.data.dataset import LineDataset
from trainers.pruning.sensitivity import RATIOS, EvaluationSample, keep_only_of, measure_sensitivity
from trainers.training.loop import Trained, train, training_identity
from trainers.trial.run import TrialJob


def train_job(job: TrialJob, prepared: LineDataset, report: Report) -> Trained:
    """Trains the network of a job, or finishes its training, without exporting it.

    Args:
        job: what to train.
        prepared: its lines.
        report: takes the report of each epoch.
    """
    torch.set_num_threads(job.threads)
    outcome = train(job.architecture, prepared, job.recipe, job.epochs, job.folder, job.seed, report, device=job.device)
    assert isinstance(outcome, Trained)  # nothing here pauses it
    return outcome


def sensitivity_of(
    trained: Trained,
    job: TrialJob,
    prepared: LineDataset,
    criterion: str,
    read_lines: int,
    table_file: Path,
    show: Callable[[int, int], None],
) -> dict[str, list[tuple[float, float]]]:
    """Layer to (fraction of its channels removed, relative loss of accuracy) pairs.

    Args:
        trained: what `train_job` returned.
        job: what was trained.
        prepared: its lines.
        criterion: which channels are removed first: l1, l2 or fpgm.
        read_lines: validation lines that are read for each pair.
        table_file: CSV in which finished pairs are kept; pairs of another training or with other settings are dropped.
        show: takes (layers done, layers in all).
    """
    identity = training_identity(job.architecture, prepared, job.recipe, job.epochs, job.seed)
    keep_only_of(table_file, f"{identity} {criterion} {read_lines}")
    sample = EvaluationSample(prepared.training, prepared.validation, prepared.charset.symbols, validation_lines=read_lines)
    return measure_sensitivity(trained.recognizer, sample, criterion, RATIOS, table_file, show)
