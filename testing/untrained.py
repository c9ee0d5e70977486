"""A training in a moment: networks keep their initial weights, and everything else of a trial is real."""

from __future__ import annotations

from trainers.base.candidate import Candidate, Measurement
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import Lineage
from trainers.base.progress import EpochReport, Paused, Report
from trainers.trial.run import TrialJob


def untrained(job: TrialJob, report: Report, until_epoch: int | None) -> Candidate | Paused:
    """Takes the place of `trainers.trial.run.resume_trial`: inherits and writes checkpoints as it does, and invents errors.

    Error rates fall with each epoch, and are lower for networks that have inherited.
    """
    import torch

    from trainers.data.open_datasets import prepare_once
    from trainers.training.checkpoint import load_checkpoint, save_checkpoint
    from trainers.training.learner import Learner
    from trainers.trial.initial_weights import inherit_from_first
    from trainers.trial.run import training_job

    prepared = prepare_once(job.data, job.cache_folder)
    identity = training_job(job, prepared).identity
    state = load_checkpoint(job.folder, identity)
    if state is None:
        learner = Learner(job.architecture, len(prepared.charset), job.recipe, job.seed, torch.device("cpu"))
        begun = inherit_from_first(learner.recognizer, job.parents, prepared).lineage if job.parents else None
        state = {**learner.state(), "history": [], "eased": {}, "lineage": None if begun is None else begun.as_dict()}
    lineage = None if state["lineage"] is None else Lineage.from_dict(state["lineage"])
    history = [EpochReport.from_dict(each) for each in state["history"]]
    if history and not job.export_only:
        report(_with(history[-1], lineage))
    while len(history) < min(until_epoch or job.epochs, job.epochs) and not job.export_only:
        epoch = len(history) + 1
        cer = 0.4 / epoch - (0.0 if lineage is None else 0.1 * lineage.share)
        history.append(EpochReport(epoch, job.epochs, 1.0, 1 - cer, cer, 0.1))
        state["history"] = [each.as_dict() for each in history]
        save_checkpoint(job.folder, identity, state)
        if not report(_with(history[-1], lineage)) and len(history) < job.epochs:
            return Paused(tuple(history), stopped=True)
    if len(history) < job.epochs and not job.export_only:
        return Paused(tuple(history), stopped=False)
    model = job.folder / "model.onnx"
    model.write_bytes(b"x" * 1000)
    measured = Measurement(history[-1].accuracy, history[-1].cer, 1000, 1.0, 250, 50, 900, sha256=file_sha256(model))
    return Candidate(job.architecture, measured, model, lineage=lineage)


def _with(report: EpochReport, lineage: Lineage | None) -> EpochReport:
    return EpochReport.from_dict({**report.as_dict(), "lineage": None if lineage is None else lineage.as_dict()})
