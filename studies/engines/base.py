"""The interface between the driver and the machines that train: an engine starts and stops trials and reports events.

The driver decides what trains and for how long. A submitted trial trains until it ends with exactly one of these events:

    TrialFinished   it reached its last epoch, and was exported and measured
    TrialPaused     it reached `until_epoch`, or was stopped; it left a checkpoint
    TrialFailed     it raised an exception
    TrialLost       its process died; its last checkpoint is still there

Trials are identified by their numbers in the study.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainers.base.candidate import Candidate
from trainers.base.errors import FaultKind
from trainers.base.progress import EpochReport
from trainers.trial.run import TrialJob


@dataclass(frozen=True)
class EpochFinished:
    """A trial has finished an epoch."""

    number: int
    report: EpochReport


@dataclass(frozen=True)
class TrialFinished:
    """A trial has been trained to its last epoch, exported and measured."""

    number: int
    candidate: Candidate


@dataclass(frozen=True)
class TrialPaused:
    """A trial has stopped before its last epoch and left a checkpoint."""

    number: int
    epoch: int


@dataclass(frozen=True)
class TrialFailed:
    """A trial has ended with an error."""

    number: int
    kind: FaultKind
    reason: str


@dataclass(frozen=True)
class TrialLost:
    """The process of a trial has died (killed, out of memory); its last checkpoint is still there."""

    number: int
    reason: str


Event = EpochFinished | TrialFinished | TrialPaused | TrialFailed | TrialLost
"""What an engine reports."""


class Engine(Protocol):
    """Runs trainings in worker processes, on a cluster or elsewhere."""

    @property
    def slots(self) -> int:
        """How many trials can run at the same time."""
        ...

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        """Starts a trial. The driver never has more than `slots` trials running.

        Args:
            number: the trial's number.
            job: what to train. If its folder has a checkpoint, the training resumes from it.
            until_epoch: the epoch after which the trial pauses; None trains to the end.
        """
        ...

    def stop(self, number: int) -> None:
        """Makes a trial pause after its current epoch."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """Returns the events since the last call. If there are none, it waits up to `timeout_s` seconds for one."""
        ...

    def close(self) -> None:
        """Ends all processes at once. Checkpoints are kept. A second call does nothing."""
        ...
