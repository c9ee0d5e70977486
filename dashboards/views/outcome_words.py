"""How outcomes of trials are shown; all views use these words."""

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
    """The words for an outcome.

    Attributes:
        text: the outcome in a word or two.
        style: colour of the text, a style of rich.
        trained: whether anything was trained.
    """

    text: str
    style: str = "yellow"
    trained: bool = True


def outcome_words(outcome: Outcome) -> OutcomeWords:
    """The words for an outcome."""
    match outcome:
        case Running():
            return OutcomeWords("training", "cyan")
        case Measured() | PrecisionVariantOf():
            return OutcomeWords("complete", "green")
        case CheckpointOf(epochs=epochs, measurement=measurement):
            return OutcomeWords(f"after epoch {epochs}" + (", finished" if measurement.finish_lines else ""), "green")
        case Failed():
            return OutcomeWords("failed", "red")
        case Stopped():
            return OutcomeWords("stopped")
        case Suspended():
            return OutcomeWords("suspended")
        case OverLimit(measurement=of_its_file):
            return OutcomeWords("over a limit", trained=of_its_file is not None)
        case Refused():
            return OutcomeWords("infeasible", trained=False)
        case Duplicate():
            return OutcomeWords("duplicate", trained=False)
        case _:
            assert_never(outcome)


def counted_as(outcome: Outcome) -> str:
    """The words under which an outcome is counted: those of `outcome_words`, without the epoch of a checkpoint."""
    if isinstance(outcome, CheckpointOf):
        return "exported after a finish" if outcome.measurement.finish_lines else "exported before the end"
    return outcome_words(outcome).text
