"""How far a study has come: trials that count, results, and whether its target is met."""

from __future__ import annotations

from studies.definition.study import Study
from studies.objectives.pareto import front_numbers
from studies.storage.outcomes import Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial
from trainers.base.candidate import Measurement


class StudyProgress:
    """Counts closed trials; a `TrialCallback`.

    Args:
        study: its objectives and its target count.

    Attributes:
        trained: closed trials that count against the budget of trials.
        results: measurements of all candidates.
    """

    def __init__(self, study: Study) -> None:
        self._objectives, self._target = study.objectives, study.budget.target
        self.trained = 0
        self.results: list[Measurement] = []

    def trial_closed(self, trial: StoredTrial) -> None:
        self.trained += trial.counts_against_budget
        if isinstance(trial.outcome, Measured | PrecisionVariantOf):
            self.results.append(trial.outcome.measurement)

    @property
    def front_points(self) -> int:
        """Number of results on the Pareto front of the study's objectives; equal ones count once."""
        points = sorted({tuple(o.to_minimize(o.measured(result)) for o in self._objectives) for result in self.results})
        return front_numbers(points).count(0)

    @property
    def target_met(self) -> bool:
        """Whether a candidate is as good as the budget asks for."""
        target = self._target
        return target is not None and any(target.met_by(result.accuracy, result.size_bytes) for result in self.results)
