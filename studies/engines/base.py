"""What a search needs from the machines it trains on, whatever they are: start, stop, and what has happened.

The driver decides; an engine only runs. A submitted trial trains until its epoch limit or until it is stopped (it then leaves a
checkpoint and ends as TrialPaused), or until it is finished, fails or is lost. Trials are named by their numbers in the study.
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
    """An epoch of a trial is over."""

    number: int
    report: EpochReport


@dataclass(frozen=True)
class TrialFinished:
    """A trial was trained to its last epoch, exported and measured."""

    number: int
    candidate: Candidate


@dataclass(frozen=True)
class TrialPaused:
    """A trial stopped before its last epoch and left a checkpoint."""

    number: int
    epoch: int


@dataclass(frozen=True)
class TrialFailed:
    """A trial cannot go on."""

    number: int
    kind: FaultKind
    reason: str


@dataclass(frozen=True)
class TrialLost:
    """The process of a trial died (killed, out of memory); its last checkpoint is still there."""

    number: int
    reason: str


Event = EpochFinished | TrialFinished | TrialPaused | TrialFailed | TrialLost


class Engine(Protocol):
    """Runs trainings."""

    @property
    def slots(self) -> int:
        """How many trials run at the same time."""
        ...

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        """Starts a trial; at most `slots` may be open.

        Args:
            number: the trial's number.
            job: what to train; it resumes from the checkpoint in its folder.
            until_epoch: pause after this epoch; None trains to the end.
        """
        ...

    def stop(self, number: int) -> None:
        """Asks a trial to pause after the epoch it is in."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """What has happened since the last call; waits up to `timeout_s` for something to happen."""
        ...

    def close(self) -> None:
        """Ends all processes at once; checkpoints stay."""
        ...
