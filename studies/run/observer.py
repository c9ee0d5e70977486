"""What a search tells those who watch it: a live table, plain lines, a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from search_space.architecture import Architecture
from studies.objectives.objective import Objective
from studies.storage.stored_trial import StoredTrial
from trainers.base.progress import EpochReport


@dataclass(frozen=True)
class StudyFacts:
    """What is known before the first trial.

    Attributes:
        name: the study's.
        trials: trained candidates wanted in all; None is as many as the time allows.
        finished: of these, how many earlier runs have brought.
        resumed: the study was there before.
        epochs: epochs of a full training.
        training_lines: lines to learn from.
        validation_lines: lines to score on.
        symbols: characters in the charset.
        skipped: lines left out, with the reason, each named once.
        size_limit_bytes: no candidate may be larger; None is no limit.
        seconds: wall-clock limit of this run; None is no limit.
        workers: trainings at the same time.
        objectives: what is searched for, two or three.
    """

    name: str
    trials: int | None
    finished: int
    resumed: bool
    epochs: int
    training_lines: int
    validation_lines: int
    symbols: int
    skipped: tuple[str, ...]
    size_limit_bytes: int | None
    seconds: float | None
    workers: int
    objectives: tuple[Objective, ...]


@dataclass(frozen=True)
class Summary:
    """How a search ended.

    Attributes:
        finished: trained candidates in the study.
        trials: how many were wanted; None is as many as the time allowed.
        seconds: wall-clock of this run.
        reason: why it ended: `all trials done`, `time is up`, `interrupted`, `the target is reached`, or what the space has run
            out of.
    """

    finished: int
    trials: int | None
    seconds: float
    reason: str


class Observer(Protocol):
    """Watches a search. Called from the driver's thread only."""

    def note(self, text: str) -> None:
        """Something a person should know, a line."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Progress before the first trial, such as decoding images."""

    def study_started(self, facts: StudyFacts) -> None: ...

    def trial_started(self, number: int, architecture: Architecture, size_bytes: int) -> None:
        """A training begins or goes on; `size_bytes` is the estimate of its file."""

    def trial_progress(self, number: int, report: EpochReport) -> None: ...

    def trial_lost(self, number: int, reason: str) -> None:
        """The process that trained it is gone; it goes on from its last checkpoint."""

    def trial_paused(self, number: int, epoch: int) -> None:
        """A training gave its place up after `epoch` epochs; it may be started again, or be finished as `stopped`. Told
        again of each that an earlier run had paused."""

    def trial_closed(self, trial: StoredTrial) -> None:
        """A trial is closed in the study, with its outcome; a suspended one may be resumed by the next run."""

    def study_finished(self, summary: Summary) -> None: ...


class SilentObserver:
    """Watches and says nothing."""

    def note(self, text: str) -> None: ...

    def preparing(self, what: str, done: int, total: int) -> None: ...

    def study_started(self, facts: StudyFacts) -> None: ...

    def trial_started(self, number: int, architecture: Architecture, size_bytes: int) -> None: ...

    def trial_progress(self, number: int, report: EpochReport) -> None: ...

    def trial_lost(self, number: int, reason: str) -> None: ...

    def trial_paused(self, number: int, epoch: int) -> None: ...

    def trial_closed(self, trial: StoredTrial) -> None: ...

    def study_finished(self, summary: Summary) -> None: ...
