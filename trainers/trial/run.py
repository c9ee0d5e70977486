"""One trial: trains an architecture on a dataset, exports the network and measures the exported file.

    train (checkpoint every epoch) -> export -> compare the file's text with the network's -> measure the file -> Candidate

Decisions:
- The state of a trial is in its folder: `checkpoint.pt` while it trains, then `model.onnx` and `candidate.json`. A killed
  trial resumes from there, and a finished one returns its candidate at once. The files of another trial are removed first,
  except the log of the epochs that were trained in the folder.
- The weights may be stored in several precisions without further training: each is a file and a candidate of its own, with a
  record beside it of what it takes to make it again. They are exported after the finish of the recipe only where the job asks
  for it: a search finishes what is on its front, and nothing else.
- This module imports torch only when a trial runs, because a driver describes hundreds of trials and runs none.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from search_space.architecture import Architecture
from trainers.base.atomic_write import atomic_write
from trainers.base.candidate import Candidate, is_whole
from trainers.base.errors import TrainingFault
from trainers.base.progress import EpochReport, Paused, Report
from trainers.base.recipe import Recipe
from trainers.data.spec import DataSpec
from trainers.inherit.parent import Parent
from trainers.trial.epoch_log import add_epoch
from trainers.trial.training_record import record_file, write_record

if TYPE_CHECKING:
    from search_space.recognizer import Recognizer
    from trainers.base.lineage import Lineage
    from trainers.data.dataset import LineDataset
    from trainers.training.job import TrainingJob
    from trainers.training.loop import TrainingResult

MODEL_NAME = "model.onnx"
"""Name of the exported file in a trial's folder."""
CANDIDATE_NAME = "candidate.json"
"""Name of the file in a trial's folder that holds its candidate."""
CACHE_RETRIES = 4
"""How often a trial starts again because its decoded lines are damaged. Each time, the lines of one source are
deleted and decoded again, so this is the number of damaged sources that a trial survives."""


@dataclass(frozen=True)
class TrialJob:
    """All that a machine needs to run a trial, as plain values that can be sent as JSON.

    Attributes:
        architecture: the network to train.
        data: where its lines come from.
        cache_folder: folder of decoded lines, used by all trials.
        recipe: how to train.
        epochs: number of epochs of the whole training.
        folder: folder of this trial alone.
        seed: seed of the initial weights, the order of lines and the augmentation.
        threads: number of CPU threads that torch may use.
        device: "cpu", "cuda", "cuda:1" and so on.
        also_in: further precisions in which the trained weights are stored and measured.
        export_only: train nothing; export and measure the network of the checkpoint in the folder.
        only_in: with `export_only`, the precisions to store the weights in, instead of that of the architecture and `also_in`.
        finish: export after the finish of the recipe (`Recipe.finish_epochs`).
        pause_by: Unix time in seconds; the training pauses when its next epoch would end later. None never pauses it.
        parents: trained weights that the network may begin with, the best first: the first that can be read is taken. Without
            any it begins with random weights. A training that resumes from a checkpoint ignores them.
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
    export_only: bool = False
    only_in: tuple[str, ...] = ()
    finish: bool = False
    pause_by: float | None = None
    parents: tuple[Parent, ...] = ()

    @property
    def finish_epochs(self) -> int:
        """Epochs of the finish before the export."""
        return self.recipe.finish_epochs if self.finish else 0

    def as_dict(self) -> dict[str, Any]:
        """The job as values that JSON can hold, for `from_dict`."""
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
            "export_only": self.export_only,
            "only_in": list(self.only_in),
            "finish": self.finish,
            "pause_by": self.pause_by,
            "parents": [parent.as_dict() for parent in self.parents],
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> TrialJob:
        """The job that `as_dict` returned these values for."""
        made = {
            "architecture": Architecture.from_dict(values["architecture"]),
            "data": DataSpec.from_dict(values["data"]),
            "cache_folder": Path(values["cache_folder"]),
            "recipe": Recipe.from_dict(values["recipe"]),
            "folder": Path(values["folder"]),
            "also_in": tuple(values.get("also_in", ())),
            "only_in": tuple(values.get("only_in", ())),
            "parents": tuple(Parent.from_dict(parent) for parent in values.get("parents", ())),
        }
        return cls(**{**values, **made})


def run_trial(
    job: TrialJob, report: Report, until_epoch: int | None = None, on_resume: Report | None = None
) -> Candidate | Paused:
    """Runs a trial from the state that its folder holds.

    Args:
        job: the trial.
        report: called with the report of each epoch; if it returns False, the training pauses and keeps its checkpoint.
        until_epoch: the training pauses after this epoch, unless it is the last; None trains to the end.
        on_resume: called with the last report of the checkpoint that the training resumes from, if there is one; if it returns
            False, the training pauses there.

    Returns:
        The candidate, or `Paused` when there are epochs left.

    Raises:
        UserError: the data cannot be read, or no line of it fits the architecture.
        TrainingFault: training or export failed, after one retry where a retry can help.
    """
    for _ in range(CACHE_RETRIES):
        try:
            return _run(job, report, until_epoch, on_resume)
        except TrainingFault as fault:
            if fault.kind != "cache":
                raise
    return _run(job, report, until_epoch, on_resume)


def resume_trial(job: TrialJob, report: Report, until_epoch: int | None = None) -> Candidate | Paused:
    """Runs a trial for a driver; if it resumes from a checkpoint, it first reports the checkpoint's last epoch again.

    A driver that was killed may not have recorded that epoch. Arguments and result are those of `run_trial`.
    """
    return run_trial(job, report, until_epoch, on_resume=report)


TrialRunner = Callable[[TrialJob, Report, int | None], Candidate | Paused]
"""The function that an engine calls for each job: `resume_trial`, or a replacement in tests and benchmarks."""


def past_reports(job: TrialJob, prepared: LineDataset) -> tuple[EpochReport, ...]:
    """Reports of the epochs before the checkpoint in the trial's folder, oldest first; empty without a checkpoint.

    Args:
        job: the trial.
        prepared: its dataset.
    """
    from trainers.training.checkpoint import load_checkpoint

    checkpoint = load_checkpoint(job.folder, training_job(job, prepared).identity)
    return tuple(EpochReport.from_dict(report) for report in checkpoint["history"]) if checkpoint else ()


def training_job(job: TrialJob, prepared: LineDataset) -> TrainingJob:
    """The training of a trial.

    Args:
        job: the trial.
        prepared: its dataset.
    """
    from trainers.training.job import TrainingJob

    return TrainingJob(job.architecture, prepared, job.recipe, job.epochs, job.folder, job.seed, job.device)


def _run(job: TrialJob, report: Report, until_epoch: int | None, on_resume: Report | None) -> Candidate | Paused:
    import torch

    from trainers.data.open_datasets import prepare_once
    from trainers.training.freed_memory import keep_freed_memory
    from trainers.training.loop import load_result, train

    torch.set_num_threads(job.threads)
    keep_freed_memory()
    prepared = prepare_once(job.data, job.cache_folder)
    training = training_job(job, prepared)
    if job.export_only:
        return _candidate(job, training, load_result(training), prepared, lambda _: True, "checkpoint-")
    identity = f"{training.identity} {job.epochs}" if job.recipe.is_anytime else training.identity
    identity += f" finish {job.finish_epochs}" if job.finish_epochs else ""
    finished = _load_candidate(job.folder, identity)
    if finished is not None:
        return finished
    for name in (CANDIDATE_NAME, MODEL_NAME, record_file(Path(MODEL_NAME)).name):
        (job.folder / name).unlink(missing_ok=True)

    begun = _Beginning(job, prepared)

    def log_and_report(epoch: EpochReport) -> bool:
        add_epoch(job.folder, epoch := begun.add_note(epoch))
        prepared.release()  # a worker would soon hold all of 100,000 lines
        in_time = job.pause_by is None or time.time() + epoch.seconds < job.pause_by
        return report(epoch) and in_time

    outcome = train(training, log_and_report, until_epoch, on_resume, begun if job.parents else None)
    if isinstance(outcome, Paused):
        return outcome
    candidate = _candidate(job, training, outcome, prepared, report)
    _write(job.folder / CANDIDATE_NAME, {"identity": identity, "candidate": candidate.as_dict(), "data": job.data.absolute()})
    return candidate


class _Beginning:
    """Gives a new network the weights of its parents, and adds to the next report what came of it.

    Args:
        job: names the parents.
        prepared: its dataset.
    """

    def __init__(self, job: TrialJob, prepared: LineDataset) -> None:
        self._job, self._prepared, self._note = job, prepared, ""

    def __call__(self, network: Recognizer) -> Lineage | None:
        from trainers.trial.initial_weights import inherit_from_first

        begun = inherit_from_first(network, self._job.parents, self._prepared)
        self._note = begun.note
        return begun.lineage

    def add_note(self, report: EpochReport) -> EpochReport:
        """The report with the note, the first time."""
        note, self._note = "; ".join(text for text in (report.note, self._note) if text), ""
        return replace(report, note=note)


def _candidate(
    job: TrialJob, training: TrainingJob, trained: TrainingResult, prepared: LineDataset, report: Report, prefix: str = ""
) -> Candidate:
    """Exports and measures a trained network in each precision that the job names; file names begin with `prefix`."""
    from trainers.trial.finished_files import FinishedFiles

    files = FinishedFiles(job.data.normaliser, job.threads, training, trained, prepared, job.finish_epochs, report)
    others = []
    first, *further = job.only_in or (job.architecture.precision, *job.also_in)
    for precision in further:
        with contextlib.suppress(TrainingFault):  # a precision that cannot be exported does not fail the trial
            others.append(files.candidate(precision, job.folder / f"{prefix}{precision}-{MODEL_NAME}"))
    own = files.candidate(first, job.folder / f"{prefix}{MODEL_NAME}")
    for each in (own, *others):
        digest, epochs = prepared.digest, len(trained.history)
        write_record(each.model, each.asked.precision, job, job.data.absolute(), digest, epochs, trained.lineage)
    return replace(own, also=tuple(others), lineage=trained.lineage)


def _load_candidate(folder: Path, identity: str) -> Candidate | None:
    """The candidate of the same trial from an earlier run, with paths in `folder`; None if that run did not finish or a file of
    it is damaged."""
    try:
        stored = json.loads((folder / CANDIDATE_NAME).read_text(encoding="utf-8"))
        candidate = Candidate.from_dict(stored["candidate"]).in_folder(folder)
        whole = all(is_whole(each) for each in (candidate, *candidate.also))
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return candidate if stored["identity"] == identity and whole else None


def _write(path: Path, values: dict[str, Any]) -> None:
    with atomic_write(path) as temporary:
        temporary.write_text(json.dumps(values, ensure_ascii=False, indent=1), encoding="utf-8")
