"""The last part of a search's budget, which goes into the front: `search.inherit = "end"`.

Until then every network begins with the weights that `search.begin` names: candidates are compared after equal training.
In the last part new networks are children of neighbours on the front, begin with the weights of the study's trainings, and what
they reach is measured from their files like everything else.

Decisions:
- The last part begins once a quarter of whichever limit is nearest to its end is left: time, epochs or trials.
"""

from __future__ import annotations

from collections.abc import Callable

from studies.definition.study import Study
from studies.run.budget import BudgetTracker

END_SHARE = 0.25
"""Fraction of the budget that goes into the front: enough for a child of the front to be trained to a later rung."""


class EndPhase:
    """Whether the last part of the budget has begun.

    Args:
        study: its budget and `search.inherit` count.
        note: receives one line for the user when it begins.

    Attributes:
        begun: never in a study whose `inherit` is not "end".
    """

    def __init__(self, study: Study, note: Callable[[str], None]) -> None:
        self._inherit, self._trials, self._note = study.search.inherit, study.budget.trials, note
        self.begun = False

    @property
    def inherits(self) -> bool:
        """Whether new networks may begin with the weights of the study's trainings now."""
        return self._inherit == "always" or self.begun

    def begins(self, spending: BudgetTracker, begun: int) -> bool:
        """Whether the last part begins now.

        Args:
            spending: what the run has spent of time and epochs.
            begun: trials that count against the budget, those under way included.
        """
        if self._inherit != "end" or self.begun:
            return False
        self.begun = min(spending.fraction_left, 1 - begun / self._trials) <= END_SHARE
        if self.begun:
            self._note(
                "the rest of the budget goes into the front: new architectures are children of its neighbours and begin with "
                "their weights"
            )
        return self.begun
