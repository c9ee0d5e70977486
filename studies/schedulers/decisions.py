"""The decisions of early stopping: whether a training continues at a rung, and which paused training is resumed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Decision(Enum):
    """The decision about a trial that has reached a rung."""

    CONTINUE = "continue"
    """Train on to the next rung."""
    PAUSE = "pause"
    """Leave a checkpoint and free the worker; the trial may be promoted later."""
    STOP = "stop"
    """End for good."""
    FINISHED = "finished"
    """The last rung: fully trained."""


@dataclass(frozen=True)
class Promotion:
    """A paused trial that should be resumed.

    Attributes:
        trial: its number.
        rung: epochs it has been trained for.
        until: epochs up to which to train it, the next rung.
    """

    trial: int
    rung: int
    until: int
