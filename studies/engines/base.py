"""What a search needs from the machines it trains on, whatever they are: start, stop, and what has happened.

The driver decides; an engine only runs. A ticket is the trial's number. Tickets run until their epoch limit, until they
are stopped (they then leave a checkpoint and end as Paused), or until they end.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from trainers.base.candidate import Candidate
from trainers.base.errors import FaultKind
from trainers.base.progress import EpochReport
from trainers.trial.run import TrialJob


@dataclass(frozen=True)
class Progress:
    """An epoch of a ticket is over."""

    ticket: int
    report: EpochReport


@dataclass(frozen=True)
class Finished:
    """A ticket trained to its last epoch, was exported and measured."""

    ticket: int
    candidate: Candidate


@dataclass(frozen=True)
class Paused:
    """A ticket stopped before its last epoch and left a checkpoint."""

    ticket: int
    epoch: int


@dataclass(frozen=True)
class Failed:
    """A ticket could not go on."""

    ticket: int
    kind: FaultKind
    reason: str


@dataclass(frozen=True)
class Lost:
    """The process behind a ticket died (killed, out of memory); its last checkpoint is still there."""

    ticket: int
    reason: str


Event = Progress | Finished | Paused | Failed | Lost


class Engine(Protocol):
    """Runs trainings."""

    @property
    def slots(self) -> int:
        """How many tickets run at the same time."""
        ...

    def submit(self, ticket: int, job: TrialJob, until_epoch: int | None = None) -> None:
        """Starts a ticket; at most `slots` may be open.

        Args:
            ticket: the trial's number.
            job: what to train; it resumes from the checkpoint in its folder.
            until_epoch: pause after this epoch; None trains to the end.
        """
        ...

    def stop(self, ticket: int) -> None:
        """Asks a ticket to pause after the epoch it is in."""
        ...

    def wait(self, timeout_s: float) -> list[Event]:
        """What has happened since the last call; waits up to `timeout_s` for something to happen."""
        ...

    def close(self) -> None:
        """Ends all processes at once; checkpoints stay."""
        ...
