"""What a run of a study has spent of its budget, and whether anything is left."""

from __future__ import annotations

import time

from studies.definition.sections import Budget

LONGEST_WAIT_S = 1.0


class BudgetTracker:
    """Counts epochs and seconds.

    Args:
        budget: of the study.
        started: `time.monotonic()` when the run began.

    Attributes:
        epochs: trained so far, those of earlier runs included.
    """

    def __init__(self, budget: Budget, started: float) -> None:
        self._budget, self._started = budget, started
        self._deadline = None if budget.seconds is None else started + budget.seconds
        self.epochs = 0

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._started

    def patience_s(self) -> float:
        """How long one may wait for news before looking at the clock again."""
        return LONGEST_WAIT_S if self._deadline is None else max(0.0, min(LONGEST_WAIT_S, self._deadline - time.monotonic()))

    def over(self) -> str | None:
        """What is used up, or None."""
        if self._deadline is not None and time.monotonic() >= self._deadline:
            return "time is up"
        most = self._budget.total_epochs
        return f"{self.epochs} epochs are trained" if most is not None and self.epochs >= most else None
