"""The course of a training for MLflow: its epochs as metrics, and when it began and ended."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trainers.trial.epoch_log import read_epochs

EPOCH_METRICS = {"loss": "train_loss", "cer": "val_cer", "accuracy": "val_accuracy", "seconds": "epoch_seconds"}
"""Values of an epoch's report to the names of their metrics. What is measured from the exported file is called `cer` and
`accuracy`, without `val_`: the two differ where weights are stored in another precision."""


@dataclass(frozen=True)
class EpochMetric:
    """One value of one epoch.

    Attributes:
        name: of the metric.
        value: its value.
        epoch: counted from 1.
        ended_ms: when the epoch ended, in milliseconds since 1970.
    """

    name: str
    value: float
    epoch: int
    ended_ms: int


@dataclass(frozen=True)
class TrainingCourse:
    """Where the course of a training is on record.

    Attributes:
        epoch_logs: files, the first of which that exists has its epochs: a log is moved when its trial is closed.
        last_epoch: epochs that belong to the trial; None: all of the log. A suspended training continues in another trial.
        opened: when the trial was opened; None if that is not known.
        closed: when it was closed; None if that is not known.
        exported: whether it ended with an exported file, which is measured after the last epoch.
    """

    epoch_logs: tuple[Path, ...] = ()
    last_epoch: int | None = None
    opened: datetime | None = None
    closed: datetime | None = None
    exported: bool = False

    @property
    def closed_ms(self) -> int | None:
        """When the trial was closed, in milliseconds since 1970; None if that is not known."""
        return _ms(self.closed)

    def epochs(self) -> list[EpochMetric]:
        """The metrics of all epochs, oldest first; of an epoch that was trained twice those of the second time."""
        log = next((file for file in self.epoch_logs if file.is_file()), None)
        last = {int(entry["epoch"]): entry for entry in ([] if log is None else read_epochs(log)) if "ended" in entry}
        return [
            EpochMetric(metric, float(entry[name]), epoch, int(1000 * entry["ended"]))
            for epoch, entry in sorted(last.items())
            if self.last_epoch is None or epoch <= self.last_epoch
            for name, metric in EPOCH_METRICS.items()
            if name in entry
        ]

    def began_ms(self, epochs: list[EpochMetric]) -> int | None:
        """When the training began, in milliseconds since 1970: its first epoch, or else when its trial was opened."""
        first = [metric for metric in epochs if metric.epoch == epochs[0].epoch]
        seconds = next((metric.value for metric in first if metric.name == EPOCH_METRICS["seconds"]), 0.0)
        return first[0].ended_ms - int(1000 * seconds) if first else _ms(self.opened)

    def ended_ms(self, epochs: list[EpochMetric]) -> int | None:
        """When it ended: its last epoch if nothing was exported after it, or else when its trial was closed."""
        last = max((metric.ended_ms for metric in epochs), default=None)
        closed = self.closed_ms
        if last is None or (self.exported and closed is not None):
            return closed if last is None or closed is None else max(last, closed)
        return last


def _ms(moment: datetime | None) -> int | None:
    return None if moment is None else int(1000 * moment.timestamp())
