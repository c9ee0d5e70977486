"""Which architectures a study has met already, and what they came to: equal digests are not trained twice.

Rebuilt from the stored trials at every start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from studies.storage.outcomes import (
    CheckpointOf,
    Duplicate,
    Failed,
    Measured,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Settled,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import StoredTrial


@dataclass(frozen=True)
class Seen:
    """What is known of one architecture.

    Attributes:
        number: the trial that met it first.
        outcome: what it came to; `Running` while its training is under way.
    """

    number: int
    outcome: Running | Settled


class SeenArchitectures:
    """Digest to what is known."""

    def __init__(self) -> None:
        self._seen: dict[str, Seen] = {}

    @classmethod
    def of_trials(cls, trials: Iterable[StoredTrial]) -> SeenArchitectures:
        """What the closed trials of a study say."""
        seen = cls()
        for trial in trials:
            seen.trial_closed(trial)
        return seen

    def get(self, digest: str) -> Seen | None:
        """What is known of an architecture, or None."""
        return self._seen.get(digest)

    def put_running(self, digest: str, number: int) -> None:
        """Notes that a trial is going to train an architecture."""
        self._seen[digest] = Seen(number, Running())

    def put_over_limit(self, digest: str, number: int, outcome: OverLimit) -> None:
        """Notes that the file of a precision variant is over a limit; there is no trial of it."""
        self._seen[digest] = Seen(number, outcome)

    def trial_closed(self, trial: StoredTrial) -> None:
        """Notes what an architecture came to; one whose training is suspended may be proposed again.

        A measured architecture stays measured if its training is taken further and does not get to a measurement again. A file
        that is stored in another precision than was asked for, as that takes fewer bytes, answers for both.
        """
        if trial.digest is None or (trial.continues is not None and not trial.is_candidate):
            return
        match trial.outcome:
            case Measured() | PrecisionVariantOf() | Stopped() | Failed() | OverLimit():
                self._seen[trial.digest] = Seen(trial.number, trial.outcome)
                stored = trial.stored_configuration
                if trial.stored_as is not None and stored is not None:
                    self._seen[stored.digest] = Seen(trial.number, trial.outcome)
            case Duplicate(of=of, result=result) if trial.stored_as is not None and result is not None:
                self._seen[trial.digest] = Seen(of, result)
            case Suspended():
                self._seen.pop(trial.digest, None)
            case Running() | Refused() | Duplicate() | CheckpointOf():
                pass
            case _:
                assert_never(trial.outcome)
