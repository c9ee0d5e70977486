"""Counts the trials, epochs and losses of a study that was killed repeatedly, from its storage, its log and its epoch logs."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from studies.run.study_log import epoch_logs, read_log
from studies.storage.outcomes import Failed
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from trainers.trial.epoch_log import read_epochs


@dataclass(frozen=True)
class Account:
    """The counts of a study at its end.

    Attributes:
        study: name of the study.
        wanted: the budget of trials.
        closed: closed trials that count against the budget.
        running: trials that are still open.
        failed: trials that have failed.
        trained: epochs that were trained and saved, by all processes together.
        needed: number of different epochs among them.
        again: "DIGEST EPOCH" of each epoch that was trained again although its checkpoint was on disk.
        lost: losses in the log, by what was lost: "driver" or "process".
        unaccounted: trials that were training when their driver died, and that no later line of the log mentions.
    """

    study: str
    wanted: int
    closed: int
    running: int
    failed: int
    trained: int
    needed: int
    again: list[str]
    lost: dict[str, int]
    unaccounted: list[int]

    @property
    def holds(self) -> bool:
        """Whether no trial was lost and no epoch was trained twice."""
        whole = self.closed == self.wanted and not self.running and not self.failed
        return whole and not self.again and not self.unaccounted


def account_of(workspace: Workspace, study: str, wanted: int) -> Account:
    """Counts what a study has come to; `wanted` is its budget of trials."""
    trials = load_store(workspace, study).stored_trials()
    epochs = Counter(
        f"{log.stem.rpartition('-')[2]} {line['epoch']}" for log in epoch_logs(workspace, study) for line in read_epochs(log)
    )
    log = read_log(workspace.log(study))
    return Account(
        study=study,
        wanted=wanted,
        closed=sum(trial.counts_against_budget for trial in trials),
        running=sum(trial.is_open for trial in trials),
        failed=sum(isinstance(trial.outcome, Failed) for trial in trials),
        trained=epochs.total(),
        needed=len(epochs),
        again=sorted(epoch for epoch, times in epochs.items() if times > 1),
        lost=dict(Counter(_kind(event["reason"]) for event in log if event["event"] == "trial lost")),
        unaccounted=unaccounted(log),
    )


def unaccounted(log: list[dict[str, Any]]) -> list[int]:
    """Returns the trials that were training when a run was killed and that no later line of the log mentions."""
    training: dict[int, str] = {}
    for event in log:
        trial = event.get("trial")
        if trial is None:
            continue
        training.pop(trial, None)
        if event["event"] in ("trial starts", "epoch"):
            training[trial] = event["run"]
    return sorted(training)


def _kind(reason: str) -> str:
    if "left open" in reason:
        return "driver"
    return "process"
