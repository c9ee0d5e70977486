"""The trainings of a search as rows: one for each, with all files that it has given, and counts that add up to all trials."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING, Literal

from dashboards.views.outcome_words import counted_as, outcome_words
from studies.definition.configuration import Configuration
from studies.definition.durations import write_duration
from studies.storage.outcomes import CheckpointOf, PrecisionVariantOf, Suspended
from studies.storage.stored_trial import StoredTrial

if TYPE_CHECKING:
    from dashboards.views.front_growth import FrontGrowth
    from trainers.base.candidate import Measurement
    from trainers.base.progress import EpochReport

RECENT_EPOCHS = 5
"""Epochs whose median duration stands for the coming ones: other trainings come and go."""


@dataclass(frozen=True)
class File:
    """A file that a training has given.

    Attributes:
        trial: number of the trial that holds it.
        precision: how its weights are stored.
        measurement: of the file.
        epochs: that it was trained for.
    """

    trial: int
    precision: str
    measurement: Measurement
    epochs: int


@dataclass
class Row:
    """One training.

    Attributes:
        number: of its trial.
        architecture: in a few words, without the precision.
        precision: how its own file stores weights.
        size_bytes: estimated, until a file is measured.
        epochs: of a full training.
        state: "training", "paused", or the outcome.
        style: colour of the state.
        reason: why it ended; empty if the outcome says it.
        worker: where it trains; empty if that is not known.
        reports: of its epochs in this run, oldest first.
        measured: of a file that is over a limit, which is no candidate.
        files: its files that may be on the front.
    """

    number: int
    architecture: str
    precision: str
    size_bytes: int
    epochs: int
    state: str = "training"
    style: str = "cyan"
    reason: str = ""
    worker: str = ""
    reports: list[EpochReport] = field(default_factory=list)
    measured: Measurement | None = None
    files: list[File] = field(default_factory=list)

    @classmethod
    def of(cls, number: int, configuration: Configuration, size_bytes: int, epochs: int) -> Row:
        """The row of a training that begins."""
        words = configuration.with_(precision="fp32").describe()
        return cls(number, words, configuration.architecture.precision, size_bytes, epochs)

    @property
    def is_training(self) -> bool:
        """Whether it trains now."""
        return self.state == "training"

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.reports[-1].epoch if self.reports else 0

    @property
    def rates(self) -> list[float]:
        """Its character error rate after each epoch."""
        return [report.cer for report in self.reports]

    @property
    def epoch_seconds(self) -> float | None:
        """Seconds of an epoch lately; None before the first."""
        return median(report.seconds for report in self.reports[-RECENT_EPOCHS:]) if self.reports else None

    def shown(self, growth: FrontGrowth) -> File | None:
        """Its file that is shown: of those on the front, otherwise of all, the best in the study's objectives.

        None while it trains or waits at a rung: what it has reached is newer than a file that was exported on the way.
        """
        if self.state in ("training", "paused"):
            return None
        front = [file for file in self.files if growth.holds(file.measurement)]
        return min(front or self.files, key=lambda file: growth.point(file.measurement), default=None)

    def state_words(self, growth: FrontGrowth, form: Literal["long", "short", "epoch"] = "long") -> tuple[str, str]:
        """The state in words, and their style; of a file, whether another one of the study dominates it.

        Args:
            growth: the front.
            form: how much is said; of one that trains `training, 2m left`, `2m left` or `epoch 3`.
        """
        if self.is_training:
            if self.reports and self.epoch == self.epochs:
                return "exporting", self.style
            seconds = self.epoch_seconds
            left = "" if seconds is None else f"{write_duration((self.epochs - self.epoch) * seconds)} left"
            if form == "epoch" and left:
                return f"epoch {self.epoch}", self.style
            return (left if form == "short" and left else ", ".join(filter(None, ("training", left)))), self.style
        if (file := self.shown(growth)) is not None:
            return self._file_words(file, growth, form == "long")
        return self.state + (f": {self.reason}" if self.reason and form != "epoch" else ""), self.style

    def _file_words(self, shown: File, growth: FrontGrowth, with_others: bool) -> tuple[str, str]:
        if not shown.measurement.reads:
            return "does not read", "yellow"
        front = [file for file in self.files if growth.holds(file.measurement)]
        others = [file.precision for file in front if file is not shown]
        words = "on the front" + (f", {', '.join(others)} too" if others and with_others else "") if front else "dominated"
        if shown.epochs < self.epochs:
            words += f" after epoch {shown.epochs}"
        return words, "green" if front else "dim"


class Counts:
    """Counts trials by what became of them.

    Args:
        earlier: closed trials of earlier runs.
        finished: those of them that count against the budget.
    """

    def __init__(self, earlier: int = 0, finished: int = 0) -> None:
        self.earlier, self.finished = earlier, finished
        self.closed: Counter[str] = Counter()
        self.never_trained: Counter[str] = Counter()

    def close(self, trial: StoredTrial) -> None:
        """Counts a closed trial."""
        words = outcome_words(trial.outcome)
        self.finished += trial.counts_against_budget
        if not words.trained:
            self.never_trained[words.text] += 1
        elif isinstance(trial.outcome, PrecisionVariantOf):
            self.closed["stored in another precision"] += 1
        elif isinstance(trial.outcome, CheckpointOf):
            self.closed[counted_as(trial.outcome)] += 1
        elif isinstance(trial.outcome, Suspended):
            self.closed["suspended"] += 1
        else:
            self.closed["trained" if trial.continues is None else "trained further"] += 1

    def words(self, training: int, paused: int) -> str:
        """All trials, by what they are: `9 trials: 4 trained, 2 training, 1 stored in another precision, 2 duplicate`.

        Args:
            training: trials that train now.
            paused: trials that wait at a rung.
        """
        open_ones = Counter({"training": training, "paused": paused})
        first = {"of earlier runs": self.earlier, "trained": self.closed["trained"], **open_ones}
        parts = {name: count for name, count in {**first, **self.closed, **self.never_trained}.items() if count}
        total = sum(parts.values())
        counted = f"{total:,} trial{'' if total == 1 else 's'}"
        return ": ".join(filter(None, (counted, ", ".join(f"{n:,} {name}" for name, n in parts.items()))))
