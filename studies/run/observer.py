"""The interface through which a search reports its events, for example to a live table, plain lines or a test."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from studies.definition.configuration import Configuration
from studies.objectives.objective import Objective
from studies.storage.stored_trial import StoredTrial
from trainers.base.candidate import Measurement
from trainers.base.progress import EpochReport


@dataclass(frozen=True)
class StudyFacts:
    """Facts about a study before the first trial.

    Attributes:
        name: the study's name.
        trials: the budget of trials; None means as many as the time allows.
        finished: trials that earlier runs have finished.
        resumed: whether the study existed before.
        epochs: epochs of a full training.
        training_lines: number of training lines.
        validation_lines: number of validation lines.
        symbols: characters in the charset.
        skipped: lines that are left out, each with its reason.
        size_limit_bytes: largest exported file in bytes; None means no limit.
        seconds: time limit of this run in seconds; None means no limit.
        workers: trainings at the same time.
        objectives: two or three objectives.
        begin: weights that new networks begin with (`studies.definition.begin_spec`).
        inherit: whether they may begin with earlier trainings of the study: "never", "always", or at its "end".
        recorded: closed trials of earlier runs, whatever became of them.
        measured: files that earlier runs have measured and that may be on the front.
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
    begin: str = "random"
    inherit: str = "never"
    recorded: int = 0
    measured: tuple[Measurement, ...] = ()


@dataclass(frozen=True)
class Summary:
    """How a search ended.

    Attributes:
        finished: finished trials of the study.
        trials: the budget of trials; None means as many as the time allowed.
        seconds: wall-clock time of this run.
        reason: why it ended, such as `all trials done`, `time is up`, `interrupted` or `the target is reached`.
    """

    finished: int
    trials: int | None
    seconds: float
    reason: str


class Observer(Protocol):
    """Receives the events of a search. All methods are called from the driver's thread."""

    def note(self, text: str) -> None:
        """A message for the user, one line."""

    def preparing(self, what: str, done: int, total: int) -> None:
        """Progress before the first trial, such as decoding images."""

    def study_started(self, facts: StudyFacts) -> None: ...

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        """A training starts or resumes; `size_bytes` is the estimated size of its file."""

    def trial_progress(self, number: int, report: EpochReport) -> None: ...

    def trial_lost(self, number: int, reason: str) -> None:
        """The process of a training has died; the training resumes from its last checkpoint."""

    def trial_paused(self, number: int, epoch: int) -> None:
        """A training has paused after `epoch` epochs; it is resumed later, or closed as stopped. A resumed study repeats this
        event for each training that an earlier run had paused."""

    def trial_closed(self, trial: StoredTrial) -> None:
        """A trial is closed in the study, with its outcome; a suspended one may be resumed by the next run."""

    def study_finished(self, summary: Summary) -> None: ...


class SilentObserver:
    """Ignores all events."""

    def note(self, text: str) -> None: ...

    def preparing(self, what: str, done: int, total: int) -> None: ...

    def study_started(self, facts: StudyFacts) -> None: ...

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None: ...

    def trial_progress(self, number: int, report: EpochReport) -> None: ...

    def trial_lost(self, number: int, reason: str) -> None: ...

    def trial_paused(self, number: int, epoch: int) -> None: ...

    def trial_closed(self, trial: StoredTrial) -> None: ...

    def study_finished(self, summary: Summary) -> None: ...
