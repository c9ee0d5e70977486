"""How the end of a trial is shown: the one place where views decode what observers are told of it."""

from __future__ import annotations

from dataclasses import dataclass

from studies.run.observer import TrialRecord


@dataclass(frozen=True)
class OutcomeWords:
    """The end of a trial for a person.

    Attributes:
        text: how it ended, in a word or two.
        style: colour of the text, as rich names it.
        counts: whether it is one of the trials that the budget counts.
        is_candidate: whether it may be on the front.
        is_extra: whether it is a file of another trial's training, which is not announced as a trial of its own.
        trained: whether anything was trained for it.
    """

    text: str
    style: str = "yellow"
    counts: bool = False
    is_candidate: bool = False
    is_extra: bool = False
    trained: bool = True


_WORDS = {
    "complete": OutcomeWords("complete", "green", counts=True, is_candidate=True),
    "shared": OutcomeWords("complete", "green", is_candidate=True, is_extra=True),
    "failed": OutcomeWords("failed", "red", counts=True),
    "stopped": OutcomeWords("stopped", counts=True),
    "resting": OutcomeWords("suspended"),
    "refused": OutcomeWords("infeasible", trained=False),
    "duplicate": OutcomeWords("duplicate", trained=False),
}
_OVER_LIMIT = OutcomeWords("over a limit", trained=False)
_TRAINED_OVER_LIMIT = OutcomeWords("over a limit", counts=True)


def outcome_words(record: TrialRecord) -> OutcomeWords:
    """How a trial's end is shown."""
    if record.state == "over_budget":
        return _OVER_LIMIT if record.measurement is None else _TRAINED_OVER_LIMIT
    return _WORDS[record.state]
