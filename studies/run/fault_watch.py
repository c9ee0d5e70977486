"""Distinguishes faults of candidates from faults of the machine, and stops a run that would spend its trials on the latter.

Decisions:
- A training that ends with a fault of the machine (disk full, data source gone; `trainers.base.errors.fault_of`) stops the run.
  Its trial stays open with its checkpoint, and the next run of the study resumes it.
- Not every such fault can be recognised. As a net, `SAME_FAILURES` trials in a row that fail before their first epoch for one
  reason stop the run, too. These are closed as failed: if the architectures are to blame after all, the next run continues with
  others and does not meet the same three again.
- A loss that is not finite, and lack of memory, are answers about a candidate; the net does not count them.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

from studies.engines.base import EpochFinished, TrialFailed, TrialLost
from trainers.base.errors import UserError, one_line

MAX_LOSSES = 2
"""How often in a row a trial is restarted after its process died without finishing an epoch; then it fails."""
RESTART_PAUSE_S = 5.0
"""Seconds before a restart after a second death in a row: what has killed the process, such as a lack of memory, may pass."""
SAME_FAILURES = 3
"""Trials in a row that fail before their first epoch for one reason, after which the run stops. Two may be chance."""
OF_THE_MACHINE = ("machine", "cache")
"""Kinds of fault that no candidate causes. A training prepares damaged lines again several times before it reports "cache"."""
OF_THE_CANDIDATE = ("nan", "oom")
"""Kinds of fault that a candidate causes, however many do."""


class RunFault(UserError):
    """A fault that is not a candidate's: the run stops with one line, and the same command continues later."""


class FaultWatch:
    """The faults of one run."""

    def __init__(self) -> None:
        self._losses: dict[int, int] = {}
        self._trained: set[int] = set()  # trials with an epoch in this run
        self._alike: list[str] = []  # reasons of the last trials that failed before their first epoch, while they are alike

    def epoch_finished(self, event: EpochFinished, new: int) -> None:
        """New epochs show that trainings can start and that this one's process lives.

        Args:
            event: the report of a training.
            new: epochs that the trial has more than before; 0 or less if it repeats some.
        """
        if new > 0:
            self._losses.pop(event.number, None)
            self._trained.add(event.number)
            self._alike.clear()

    def failed(self, event: TrialFailed) -> str:
        """Returns the reason for the record of a trial that has failed.

        Raises:
            RunFault: its architecture is not to blame; the trial must stay open.
        """
        if event.kind in OF_THE_MACHINE:
            raise RunFault(
                f"the search stops, because trial {event.number} cannot train ({event.reason}); the architecture is not "
                f"the cause, so the trial stays open; once this is mended, the same command continues"
            )
        return self._counted(event.number, f"{event.kind}: {event.reason}", event.kind not in OF_THE_CANDIDATE)

    def lost(self, event: TrialLost) -> str | None:
        """Returns the reason for the record if the process of a trial has died too often; None if it is to be restarted.

        It waits `RESTART_PAUSE_S` where the process has died twice without an epoch in between.
        """
        losses = self._losses[event.number] = self._losses.get(event.number, 0) + 1
        if losses == MAX_LOSSES:
            time.sleep(RESTART_PAUSE_S)
        return None if losses <= MAX_LOSSES else self._counted(event.number, f"{event.reason}, {losses} times", True)

    def check(self) -> None:
        """Call this once a failed trial is closed.

        Raises:
            RunFault: `SAME_FAILURES` trials in a row have failed before their first epoch for one reason.
        """
        if len(self._alike) >= SAME_FAILURES:
            raise RunFault(
                f"the search stops, because {SAME_FAILURES} trials in a row have failed before their first epoch for one "
                f"reason ({self._alike[-1]}); once this is mended, the same command continues with other architectures"
            )

    def _counted(self, number: int, reason: str, counts: bool) -> str:
        """Adds a failure to those in a row, or begins a new row with it."""
        if (
            not counts
            or number in self._trained
            or (self._alike and _without_numbers(self._alike[-1]) != _without_numbers(reason))
        ):
            self._alike.clear()
        if counts and number not in self._trained:
            self._alike.append(reason)
        return reason


@contextmanager
def run_faults() -> Iterator[None]:
    """Turns an error of the operating system in the driver into one line.

    Raises:
        RunFault: a file could not be read or written, for example because the disk is full.
    """
    try:
        yield
    except BrokenPipeError:  # whoever reads the output has gone; this is no fault
        raise
    except OSError as error:
        raise RunFault(
            f"the search stops, because this machine failed ({one_line(error)}); open trials keep their checkpoints; once this "
            f"is mended, the same command continues"
        ) from error


def _without_numbers(reason: str) -> str:
    """The reason without what differs from trial to trial: numbers, and with them sizes and addresses."""
    return re.sub(r"(0x)?[0-9a-fA-F]*\d[0-9a-fA-F.]*", "#", reason)
