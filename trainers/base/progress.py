"""What a training says of itself while it runs; no torch in here, so that a driver can speak of it at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class EpochReport:
    """Where a training stands after an epoch.

    Attributes:
        epoch: epochs done, from 1.
        epochs: epochs of the whole training.
        loss: mean training loss of a line in this epoch.
        accuracy: validation lines read without a fault, in [0, 1], with the torch module.
        cer: validation edits per character.
        seconds: time this epoch took, validation included.
    """

    epoch: int
    epochs: int
    loss: float
    accuracy: float
    cer: float
    seconds: float

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


Report = Callable[[EpochReport], bool]
"""Takes each epoch's report as it ends; False stops the training after it."""


@dataclass(frozen=True)
class Paused:
    """A training that rests; the same call with a later `until_epoch` goes on from its checkpoint.

    Attributes:
        history: reports of all epochs so far, oldest first.
        stopped: True when `report` asked for it, False when `until_epoch` was reached.
    """

    history: tuple[EpochReport, ...]
    stopped: bool

    @property
    def epoch(self) -> int:
        """Epochs done."""
        return self.history[-1].epoch if self.history else 0
