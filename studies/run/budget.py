"""What a run of a study has spent of its budget, and whether anything is left."""

from __future__ import annotations

import time
from collections.abc import Callable

from studies.definition.sections import Budget

LONGEST_WAIT_S = 1.0
"""Seconds that the driver waits for events at most, before it checks the budget again."""
ALL_DONE = "all trials done"
"""The reason in the summary of a search that has trained all that it was to train."""
INTERRUPTED = "interrupted"
"""The reason in the summary of a search that was ended by Ctrl-C."""
TIME_IS_UP = "time is up"
"""The reason in the summary of a search whose time limit is reached."""
EPOCHS_ARE_TRAINED = "epochs are trained"
"""The reason in the summary of a search whose budget of epochs is spent, after the number of epochs."""
GRACE_S = 4.0
"""Seconds that trainings have to finish their epoch when the search ends. After that their processes are ended."""
EXPORT_GRACE_S = 4.0
"""Seconds that exports which are running by then have in addition."""
LARGEST_RESERVE = 0.15
"""Largest fraction of the time limit that is reserved for exports at the end."""


class BudgetTracker:
    """Counts epochs and seconds.

    Args:
        budget: of the study.
        started: `time.monotonic()` when the run began.
        epochs: that earlier runs have trained.
        reserved_s: seconds to keep for what must be done before time is up; at most `LARGEST_RESERVE` of the time is kept.

    Attributes:
        epochs: trained so far, those of earlier runs included.
    """

    def __init__(self, budget: Budget, started: float, epochs: int = 0, reserved_s: Callable[[], float] = lambda: 0.0) -> None:
        self._budget, self._started, self._reserved_s = budget, started, reserved_s
        self._deadline = None if budget.seconds is None else started + budget.seconds
        self.epochs = epochs

    @property
    def seconds(self) -> float:
        """Since the run began."""
        return time.monotonic() - self._started

    @property
    def left_s(self) -> float | None:
        """Seconds until time is up, below 0 after it; None without a limit."""
        return None if self._deadline is None else self._deadline - time.monotonic()

    @property
    def fraction_left(self) -> float:
        """Of the time or the epochs, whichever is nearer to its end; 1 without such a limit, below 0 after it."""
        left, most = self.left_s, self._budget.total_epochs
        of_time = 1.0 if left is None or not self._budget.seconds else left / self._budget.seconds
        return min(of_time, 1.0 if not most else 1 - self.epochs / most)

    @property
    def usable_s(self) -> float | None:
        """Seconds left to train in, below 0 after them; None without a limit."""
        if self._budget.seconds is None or self.left_s is None:
            return None
        return self.left_s - min(self._reserved_s(), LARGEST_RESERVE * self._budget.seconds)

    @property
    def clock_time(self) -> float | None:
        """Seconds since the epoch of Unix by which trainings have to pause; None without a limit."""
        usable = self.usable_s
        return None if usable is None else time.time() + usable

    def patience_s(self) -> float:
        """Returns how many seconds the driver may wait for events before it checks the budget again."""
        return LONGEST_WAIT_S if self._deadline is None else max(0.0, min(LONGEST_WAIT_S, self._deadline - time.monotonic()))

    def over(self, is_training: bool) -> str | None:
        """Returns which budget is spent, or None.

        Args:
            is_training: whether anything trains; then something must be kept for the end.
        """
        left = self.usable_s if is_training else self.left_s
        if left is not None and left <= 0:
            return TIME_IS_UP
        most = self._budget.total_epochs
        return f"{self.epochs} {EPOCHS_ARE_TRAINED}" if most is not None and self.epochs >= most else None
