"""What a search needs of a scheduler: `studies.schedulers.asha` and `studies.schedulers.expected_gain` implement it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from studies.objectives.pareto import Point
from studies.schedulers.decisions import Decision, Promotion


class Scheduler(Protocol):
    """Decides which trainings continue at a rung.

    A scheduler has no storage: when a study is resumed, the study's records are given to a new one, in any order.
    """

    def milestones(self, trial: int) -> tuple[int, ...]:
        """The rungs at which a trial is compared, in epochs."""

    def next_rung(self, trial: int, epoch: int) -> int:
        """The next rung of a trial that has been trained for some epochs; the last rung when there is none left."""

    def record(self, trial: int, rung: int, objectives: Point, params: Mapping[str, Any]) -> None:
        """Adds what a trial has reached at a rung, all to be minimised; a second record changes nothing."""

    def mark_promoted(self, trial: int, rung: int) -> None:
        """Marks a trial as promoted from a rung; from the last rung: as never to be promoted."""

    def decide(self, trial: int, rung: int) -> Decision:
        """Decides about a trial that has just been recorded at a rung."""

    def next_promotion(self, force: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, marked as promoted; None when something new should start."""
