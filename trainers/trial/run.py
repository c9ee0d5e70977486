"""One trial: from an architecture and prepared lines to a measured file.

    train (checkpoint every epoch) -> export -> compare the file's text with the network's -> measure the file -> Candidate

Decisions:
- A trial is its folder: `checkpoint.pt` while it trains, then `model.onnx` and `candidate.json`. Run again, a trial that was
  killed goes on, and one that is through says so at once; a folder of another trial is emptied first, but for the log of
  the epochs that were trained in it.
- The same weights may be stored in several precisions: each is a file and a candidate of its own, for no epoch more.
- No torch until one runs: a driver describes trials by the hundred.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_space.architecture import Architecture
from trainers.base.atomic_write import atomic_write
from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.data.spec import DataSpec
from trainers.trial.epoch_log import add_epoch

if TYPE_CHECKING:
    from trainers.data.dataset import LineDataset
    from trainers.training.loop import Trained

__all__ = ["EpochReport", "Paused", "Run", "TrialJob", "past_reports", "run_on", "run_trial"]

MODEL_NAME = "model.onnx"
CANDIDATE_NAME = "candidate.json"
DAMAGED_SOURCES = 4
"""How often decoded lines may turn out damaged; whoever finds that discards those of one source, and they are decoded anew."""


@dataclass(frozen=True)
class TrialJob:
    """All that a machine must know to run a trial; plain values, so that it travels as JSON.

    Attributes:
        architecture: what to train.
        data: what to train it on.
        cache_folder: where decoded lines are kept, shared by all trials.
        recipe: how to train.
        epochs: length of the whole training.
        folder: the trial's own.
        seed: of weights, order and augmentation.
        threads: that torch may use.
        device: "cpu", "cuda", "cuda:1" ...
        also_in: further precisions that the trained weights are stored in and measured.
    """

    architecture: Architecture
    data: DataSpec
    cache_folder: Path
    recipe: Recipe
    epochs: int
    folder: Path
    seed: int = 0
    threads: int = 1
    device: str = "cpu"
    also_in: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` gives the job back."""
        return {
            "architecture": self.architecture.as_dict(),
            "data": self.data.as_dict(),
            "cache_folder": str(self.cache_folder),
            "recipe": self.recipe.as_dict(),
            "epochs": self.epochs,
            "folder": str(self.folder),
            "seed": self.seed,
            "threads": self.threads,
            "device": self.device,
            "also_in": list(self.also_in),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialJob:
        made = {
            "architecture": Architecture.from_dict(values["architecture"]),
            "data": DataSpec.from_dict(values["data"]),
            "cache_folder": Path(values["cache_folder"]),
            "recipe": Recipe.from_dict(values["recipe"]),
            "folder": Path(values["folder"]),
            "also_in": tuple(values.get("also_in", ())),
        }
        return cls(**{**values, **made})


def run_trial(
    job: TrialJob, report: Report, until_epoch: int | None = None, goes_on: Report | None = None
) -> Candidate | Paused:
    """Runs a trial from where it stands.

    Args:
        job: the trial.
        report: told of each epoch; False stops the training after it, and keeps its checkpoint.
        until_epoch: pause after this epoch, unless it is the last; None goes to the end.
        goes_on: told of the last epoch of the checkpoint that it goes on from, if there is one; False pauses there.

    Returns:
        The candidate, or Paused when there are epochs left.

    Raises:
        UserError: the data cannot be read, or no line of it fits the architecture.
        TrainingFault: what went wrong in training or export, after one retry where one can help.
    """
    for _ in range(DAMAGED_SOURCES):
        try:
            return _run(job, report, until_epoch, goes_on)
        except TrainingFault as fault:
            if fault.kind != "cache":
                raise
    return _run(job, report, until_epoch, goes_on)


def run_on(job: TrialJob, report: Report, until_epoch: int | None = None) -> Candidate | Paused:
    """`run_trial` for a driver, which may have died before it heard of the last epoch: that one is reported again first."""
    return run_trial(job, report, until_epoch, goes_on=report)


Run = Callable[[TrialJob, Report, int | None], Candidate | Paused]
"""What a machine does with a job: `run_on`, or what takes its place where only the way there is measured."""


def past_reports(job: TrialJob, prepared: LineDataset) -> tuple[EpochReport, ...]:
    """Reports of the epochs that the trial's folder holds already."""
    from trainers.training.checkpoint import load_checkpoint
    from trainers.training.loop import training_identity

    held = load_checkpoint(job.folder, training_identity(job.architecture, prepared, job.recipe, job.epochs, job.seed))
    return tuple(EpochReport(**report) for report in held["history"]) if held else ()


def _run(job: TrialJob, report: Report, until_epoch: int | None, goes_on: Report | None) -> Candidate | Paused:
    import torch

    from trainers.data.open_datasets import prepare_once
    from trainers.training.loop import train, training_identity

    torch.set_num_threads(job.threads)
    prepared = prepare_once(job.data, job.cache_folder)
    identity = training_identity(job.architecture, prepared, job.recipe, job.epochs, job.seed)
    finished = _finished(job.folder, identity)
    if finished is not None:
        return finished
    for name in (CANDIDATE_NAME, MODEL_NAME):
        (job.folder / name).unlink(missing_ok=True)

    def trained(epoch: EpochReport) -> bool:
        add_epoch(job.folder, epoch)
        return report(epoch)

    outcome = train(
        job.architecture,
        prepared,
        job.recipe,
        job.epochs,
        job.folder,
        job.seed,
        trained,
        until_epoch,
        job.device,
        goes_on,
    )
    if isinstance(outcome, Paused):
        return outcome
    return _export(job, outcome, prepared, identity)


def _export(job: TrialJob, trained: Trained, prepared: LineDataset, identity: str) -> Candidate:
    """Exports and measures a trained network in each precision, and writes down that the trial has ended."""
    from trainers.trial.model_files import Files

    files = Files(trained, job.architecture, prepared, job.data.normaliser, job.threads)
    others = []
    for precision in job.also_in:
        with contextlib.suppress(TrainingFault):  # what was trained is not lost to a precision that it cannot be stored in
            others.append(files.candidate(precision, job.folder / f"{precision}-{MODEL_NAME}"))
    candidate = replace(files.candidate(job.architecture.precision, job.folder / MODEL_NAME), also=tuple(others))
    _write(job.folder / CANDIDATE_NAME, {"identity": identity, "candidate": candidate.as_dict()})
    return candidate


def _finished(folder: Path, identity: str) -> Candidate | None:
    """What an earlier run of the same trial came to, if it ended; its model is where the folder is now."""
    try:
        held = json.loads((folder / CANDIDATE_NAME).read_text(encoding="utf-8"))
        candidate = Candidate.from_dict(held["candidate"]).in_folder(folder)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    there = all(each.model.is_file() for each in (candidate, *candidate.also))
    return candidate if held["identity"] == identity and there else None


def _write(path: Path, values: dict[str, Any]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
