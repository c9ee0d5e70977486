"""Reports of a running training; this module does not import torch, so that a driver loads it fast."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from trainers.base.lineage import Lineage


@dataclass(frozen=True)
class EpochReport:
    """The state of a training after an epoch.

    Attributes:
        epoch: number of epochs done, from 1.
        epochs: number of epochs of the whole training.
        loss: mean training loss of a line in this epoch.
        accuracy: fraction of validation lines that the torch network reads without an error, in [0, 1].
        cer: character error rate on the validation lines, 0 and up.
        seconds: duration of the epoch with its validation, in seconds.
        note: one line for the user, such as that a checkpoint was damaged; usually empty.
        lineage: what the network inherited, in the first report of a process that trains it; None in the others, and if it
            began with random weights.
        worker: where it trains: the number of a worker process, or the name of a machine; empty if that is not known.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    cer: float
    seconds: float
    note: str = ""
    lineage: Lineage | None = None
    worker: str = field(default="", compare=False)

    def as_dict(self) -> dict[str, Any]:
        """The report as values that JSON can hold; without the note, the lineage and the worker when there are none."""
        values = asdict(self)
        if not self.note:
            del values["note"]
        if not self.worker:
            del values["worker"]
        if self.lineage is None:
            del values["lineage"]
        else:
            values["lineage"] = self.lineage.as_dict()
        return values

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> EpochReport:
        """The report that `as_dict` returned these values for."""
        lineage = values.get("lineage")
        return cls(**{**values, "lineage": None if lineage is None else Lineage.from_dict(lineage)})


Report = Callable[[EpochReport], bool]
"""A function that is called with the report of each epoch; if it returns False, the training pauses after that epoch."""


@dataclass(frozen=True)
class Paused:
    """A training that has paused; the same call with a later `until_epoch` resumes it from its checkpoint.

    Attributes:
        history: reports of all epochs so far, oldest first.
        stopped: True if `report` returned False, False if `until_epoch` was reached.
    """

    history: tuple[EpochReport, ...]
    stopped: bool

    @property
    def epoch(self) -> int:
        """Number of epochs done."""
        return self.history[-1].epoch if self.history else 0
