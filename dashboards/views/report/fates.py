"""What became of the trials, and why: counts, reasons and examples."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dashboards.views.outcome_words import counted_as
from studies.storage.outcomes import CheckpointOf, Measured, OverLimit, PrecisionVariantOf, Running
from studies.storage.stored_trial import StoredTrial

SHOWN_TRIALS = 6
"""Trials that are named for each reason."""
SHOWN_REASONS = 12
"""Reasons of each fate that are listed; the rest are counted."""
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Reason:
    """A reason for which trials ended.

    Attributes:
        example: the reason of the first of them.
        trials: how many.
        named: their numbers, the first ones.
    """

    example: str
    trials: int
    named: Sequence[int]


@dataclass(frozen=True)
class Fate:
    """A fate of trials.

    Attributes:
        name: in a word or two.
        trials: how many.
        reasons: the most frequent first; empty for candidates.
    """

    name: str
    trials: int
    reasons: Sequence[Reason]


def counts_of(trials: Iterable[StoredTrial]) -> list[tuple[str, int]]:
    """How many trials have each fate, the most frequent first."""
    return Counter(_name(trial) for trial in trials).most_common()


def fates_of(trials: Iterable[StoredTrial]) -> list[Fate]:
    """The fates of trials that are no candidates, with their reasons.

    Reasons that differ in numbers alone count as one.
    """
    found: dict[str, dict[str, list[StoredTrial]]] = defaultdict(lambda: defaultdict(list))
    for trial in trials:
        if not isinstance(trial.outcome, Measured | PrecisionVariantOf | CheckpointOf | Running):
            found[_name(trial)][_NUMBER.sub("#", trial.reason)].append(trial)
    fates = [Fate(name, sum(map(len, reasons.values())), _reasons(reasons)) for name, reasons in found.items()]
    return sorted(fates, key=lambda fate: -fate.trials)


def _reasons(reasons: dict[str, list[StoredTrial]]) -> list[Reason]:
    most = sorted(reasons.values(), key=lambda trials: -len(trials))
    return [Reason(t[0].reason, len(t), [each.number for each in t[:SHOWN_TRIALS]]) for t in most[:SHOWN_REASONS]]


def _name(trial: StoredTrial) -> str:
    outcome = trial.outcome
    if isinstance(outcome, OverLimit) and outcome.measurement is not None:
        return "over a limit after training"
    return counted_as(outcome)
