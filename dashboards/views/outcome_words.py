"""How the end of a trial is shown: the one place where views put outcomes into words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from studies.storage.outcomes import (
    CheckpointOf,
    Duplicate,
    Failed,
    Measured,
    Outcome,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Stopped,
    Suspended,
)


@dataclass(frozen=True)
class OutcomeWords:
    """The end of a trial for a person.

    Attributes:
        text: how it ended, in a word or two.
        style: colour of the text, as rich names it.
        trained: whether anything was trained for it.
    """

    text: str
    style: str = "yellow"
    trained: bool = True


def outcome_words(outcome: Outcome) -> OutcomeWords:
    """How an outcome is shown."""
    match outcome:
        case Running():
            return OutcomeWords("training", "cyan")
        case Measured() | PrecisionVariantOf():
            return OutcomeWords("complete", "green")
        case CheckpointOf(epochs=epochs):
            return OutcomeWords(f"after epoch {epochs}", "green")
        case Failed():
            return OutcomeWords("failed", "red")
        case Stopped():
            return OutcomeWords("stopped")
        case Suspended():
            return OutcomeWords("suspended")
        case OverLimit(measurement=measurement):
            return OutcomeWords("over a limit", trained=measurement is not None)
        case Refused():
            return OutcomeWords("infeasible", trained=False)
        case Duplicate():
            return OutcomeWords("duplicate", trained=False)
        case _:
            assert_never(outcome)
