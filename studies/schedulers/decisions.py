"""What a rule of early stopping answers: what becomes of a training at a rung, and which paused one goes on."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Decision(Enum):
    """What becomes of a trial that has reached a rung."""

    CONTINUE = "continue"
    """Train on to the next rung."""
    PAUSE = "pause"
    """Leave a checkpoint and give the place up; the trial may be promoted later."""
    STOP = "stop"
    """End for good."""
    FINISHED = "finished"
    """The last rung: fully trained."""


@dataclass(frozen=True)
class Promotion:
    """A paused trial that should train on.

    Attributes:
        trial: its number.
        rung: epochs it has been trained for.
        until: epochs to train it up to, the next rung.
    """

    trial: int
    rung: int
    until: int
