"""Which architectures a study has met already, and what came of them: equal digests are not trained twice.

Rebuilt from the store at every start.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from optuna.trial import FrozenTrial, TrialState

from search_space.architecture import Architecture
from trainers.base.candidate import Candidate, Measurement

Fate = Literal["running", "complete", "over_budget", "stopped", "failed"]


@dataclass(frozen=True)
class Entry:
    """What is known of one architecture.

    Attributes:
        number: the trial that met it first.
        fate: what came of it.
        candidate: its file and measurement, when complete.
        reason: why it is not complete.
        violation: by how much it is over a limit, when over budget.
    """

    number: int
    fate: Fate
    candidate: Candidate | None = None
    reason: str = ""
    violation: float = 1e-6


class SeenArchitectures:
    """Digest to entry."""

    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}

    @classmethod
    def of_trials(cls, trials: Iterable[FrozenTrial]) -> SeenArchitectures:
        """Rebuilds the seen from closed trials."""
        seen = cls()
        for trial in trials:
            digest = trial.user_attrs.get("digest")
            if digest is None or "duplicate_of" in trial.user_attrs:
                continue
            entry = entry_of(trial)
            if entry is not None:
                seen.put(digest, entry)
        return seen

    def get(self, digest: str) -> Entry | None:
        """What is known of an architecture, or None."""
        return self._entries.get(digest)

    def put(self, digest: str, entry: Entry) -> None:
        """Writes what has become known."""
        self._entries[digest] = entry

    def drop(self, digest: str) -> None:
        """Forgets an architecture, so that it may be proposed again."""
        self._entries.pop(digest, None)

    def __len__(self) -> int:
        return len(self._entries)


def entry_of(trial: FrozenTrial) -> Entry | None:
    """The entry a closed trial stands for; None when it may be tried again (paused when time was up) or never trained."""
    attrs = trial.user_attrs
    reason = str(attrs.get("end_reason", ""))
    if trial.state == TrialState.COMPLETE:
        return Entry(trial.number, "complete", candidate_of(trial))
    if trial.state == TrialState.FAIL:
        return Entry(trial.number, "failed", reason=reason)
    if trial.state == TrialState.PRUNED and attrs.get("over_budget"):
        return Entry(trial.number, "over_budget", reason=reason, violation=max([*trial.constraints.values(), 1e-6]))
    if trial.state == TrialState.PRUNED and not attrs.get("resumable"):
        return Entry(trial.number, "stopped", reason=reason)
    return None


def candidate_of(trial: FrozenTrial) -> Candidate:
    """The candidate that a complete trial recorded."""
    attrs = trial.user_attrs
    measurement = Measurement.from_dict(attrs["measurement"])
    return Candidate(Architecture.from_dict(attrs["architecture"]), measurement, Path(attrs["model"]))
