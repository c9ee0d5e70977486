"""What can go wrong, typed: a user's mistake is one line; a training fault names its kind, so that it can be answered."""

from __future__ import annotations

from typing import Literal

FaultKind = Literal["nan", "oom", "cache", "export", "error"]


class UserError(ValueError):
    """A request that cannot be met. One line: the thing, the rule, and what to do; shown without a traceback, exit code 2."""


class TrainingFault(RuntimeError):
    """A training that could not go on.

    Args:
        kind: "nan" (loss not finite), "oom" (out of memory), "cache" (prepared data damaged), "export" (the file does
            not read as the network does), "error" (anything else).
        reason: one line for the log and the trial's record.
    """

    def __init__(self, kind: FaultKind, reason: str) -> None:
        super().__init__(reason)
        self.kind: FaultKind = kind
        self.reason = reason

    def __reduce__(self) -> tuple[type[TrainingFault], tuple[FaultKind, str]]:
        return (TrainingFault, (self.kind, self.reason))
