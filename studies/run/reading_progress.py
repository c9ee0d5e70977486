"""How far a study has come on which nothing reads yet, and what is left to be resumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from studies.run.study_log import epoch_logs
from studies.storage.stored_trial import StoredTrial, last_trainings
from studies.workspace.paths import Workspace
from trainers.trial.epoch_log import read_epochs


@dataclass(frozen=True, order=True)
class LowestCer:
    """The lowest character error rate that any training of a study has reached.

    Attributes:
        cer: character error rate, 0 and up.
        epoch: the epoch after which it was reached; 0 when that is not known.
    """

    cer: float
    epoch: int


def lowest_cer(trials: Iterable[StoredTrial], workspace: Workspace, study: str) -> LowestCer | None:
    """The lowest character error rate so far: of measured files, at rungs, and after every epoch that is logged here.

    Args:
        trials: of the study.
        workspace: where its epochs are logged.
        study: its name.

    Returns:
        None when no epoch has been trained.
    """
    found = []
    for trial in trials:
        found += [LowestCer(result.cer, epoch) for epoch, result in trial.rungs.items()]
        if trial.measurement is not None:
            found.append(LowestCer(trial.measurement.cer, trial.epochs_trained))
    for log in epoch_logs(workspace, study):
        found += [LowestCer(float(epoch["cer"]), int(epoch["epoch"])) for epoch in read_epochs(log)]
    return min(found, default=None)


def waiting_trainings(trials: Iterable[StoredTrial]) -> int:
    """Number of trainings that the next run of a study resumes."""
    return sum(trial.is_open or trial.may_be_resumed for trial in last_trainings(trials).values())
