"""Exceptions: mistakes of the user, and faults of a training with their kind.

Decisions:
- An architecture cannot make a file system fail or a data source disappear. So an `OSError` or a `UserError` in a training is a
  fault of the machine or of the request, and a search does not count it against the architecture.
- Two errors do count: lack of memory, which a large network may cause, and `UnfitArchitecture`.
"""

from __future__ import annotations

import errno
from typing import Literal

from trainers.base.redaction import redact

NO_MEMORY = ("can't allocate memory", "Cannot allocate memory", "bad_alloc", "bad allocation")
"""Words of torch's, oneDNN's and ONNX Runtime's errors when the system gives them no memory."""
FaultKind = Literal["nan", "oom", "cache", "export", "machine", "error"]


class UserError(ValueError):
    """A request that cannot be met. Its message is one line: the thing, the rule, and what to do. The command line prints it
    without a traceback and exits with code 2."""


class UnfitArchitecture(UserError):
    """A request that one architecture cannot meet, such as labels that it cannot write; other architectures may."""


class TrainingFault(RuntimeError):
    """A training that cannot continue.

    Args:
        kind: "nan" (loss not finite), "oom" (out of memory), "cache" (prepared data damaged), "export" (the file does
            not read what the network reads), "machine" (no fault of the architecture: disk full, data source gone, no network),
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
    """Converts the exception that ended a training to a fault; every engine reports it as `TrialFailed`.

    Args:
        error: the exception that `trainers.trial.run.run_trial` raised.
    """
    match error:
        case TrainingFault():
            return error
        case MemoryError():
            return TrainingFault("oom", "out of memory")
        case _ if is_out_of_memory(error):
            return TrainingFault("oom", one_line(error))
        case UnfitArchitecture():
            return TrainingFault("error", one_line(error))
        case UserError():
            return TrainingFault("machine", redact(str(error)))
        case OSError():
            return TrainingFault("machine", one_line(error))
        case _:
            return TrainingFault("error", one_line(error))


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an exception says that memory has run out; torch's allocator on the CPU says so with a plain RuntimeError."""
    if isinstance(error, RuntimeError):
        return type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in NO_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def one_line(error: BaseException) -> str:
    """The type of an exception and the first line of its message, without passwords."""
    return redact(f"{type(error).__name__}: {error}".splitlines()[0])
