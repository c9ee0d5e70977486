"""What can go wrong, typed: a user's mistake is one line; a training fault names its kind, so that it can be answered.

Decisions:
- An architecture cannot make a file system fail or a data source disappear. So an `OSError` and a `UserError` in a training are
  faults of the machine or of the request: they say nothing about the candidate, and a search must not hold them against it.
- The exceptions are lack of memory, which a large candidate may cause, and `UnfitArchitecture`.
"""

from __future__ import annotations

import errno
from typing import Literal

FaultKind = Literal["nan", "oom", "cache", "export", "machine", "error"]


class UserError(ValueError):
    """A request that cannot be met. One line: the thing, the rule, and what to do; shown without a traceback, exit code 2."""


class UnfitArchitecture(UserError):
    """A request that cannot be met for one architecture, such as labels that it can never write; others may do."""


class TrainingFault(RuntimeError):
    """A training that could not go on.

    Args:
        kind: "nan" (loss not finite), "oom" (out of memory), "cache" (prepared data damaged), "export" (the file does
            not read as the network does), "machine" (no fault of the architecture: disk full, data source gone, no network),
            "error" (anything else).
        reason: one line for the log and the trial's record.
    """

    def __init__(self, kind: FaultKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: FaultKind = kind
        self.reason = reason

    def __reduce__(self) -> tuple[type[TrainingFault], tuple[FaultKind, str]]:
        return (TrainingFault, (self.kind, self.reason))


def fault_of(error: Exception) -> TrainingFault:
    """The fault that a training ended with, whatever exception ended it; every engine reports it as `TrialFailed`.

    Args:
        error: what `trainers.trial.run.run_trial` raised.
    """
    match error:
        case TrainingFault():
            return error
        case MemoryError():
            return TrainingFault("oom", "out of memory")
        case OSError(errno=errno.ENOMEM):
            return TrainingFault("oom", one_line(error))
        case UnfitArchitecture():
            return TrainingFault("error", one_line(error))
        case UserError():
            return TrainingFault("machine", str(error))
        case OSError():
            return TrainingFault("machine", one_line(error))
        case _:
            return TrainingFault("error", one_line(error))


def one_line(error: BaseException) -> str:
    """The type of an exception and the first line of its message."""
    return f"{type(error).__name__}: {error}".splitlines()[0]
