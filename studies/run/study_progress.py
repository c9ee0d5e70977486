"""How far a study has come: trials that count, results, and whether its target is met."""

from __future__ import annotations

from studies.definition.study import Study
from studies.objectives.pareto import dominates
from studies.storage.outcomes import CheckpointOf, PrecisionVariantOf
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
        self._front: dict[tuple[float, ...], tuple[float, int]] = {}  # to the accuracy, and the trial that was trained for it

    def trial_closed(self, trial: StoredTrial) -> None:
        self.trained += trial.counts_against_budget
        if trial.is_candidate and trial.measurement is not None:
            self.results.append(trial.measurement)
            if trial.measurement.reads and self.would_extend_front(trial.measurement):
                point = self._point(trial.measurement)
                self._front = {other: which for other, which in self._front.items() if not dominates(point, other)}
                outcome = trial.outcome
                trained = outcome.trial if isinstance(outcome, PrecisionVariantOf | CheckpointOf) else trial.number
                self._front[point] = trial.measurement.accuracy, trained

    @property
    def front_points(self) -> int:
        """Number of results that read on the Pareto front of the study's objectives; equal ones count once."""
        return len(self._front)

    @property
    def front_trainings(self) -> list[int]:
        """Trials that were trained for the files on the front, the one with the most accurate file first."""
        return list(dict.fromkeys(trained for _, trained in sorted(self._front.values(), key=lambda which: -which[0])))

    def would_extend_front(self, measurement: Measurement) -> bool:
        """Whether no result that reads dominates or equals a measurement in the study's objectives."""
        point = self._point(measurement)
        return point not in self._front and not any(dominates(other, point) for other in self._front)

    def is_on_front(self, measurement: Measurement) -> bool:
        """Whether a result that was closed is on the front, or equals one that is."""
        return self._point(measurement) in self._front

    def _point(self, measurement: Measurement) -> tuple[float, ...]:
        return tuple(objective.to_minimize(objective.measured(measurement)) for objective in self._objectives)

    @property
    def target_met(self) -> bool:
        """Whether a candidate is as good as the budget asks for."""
        target = self._target
        return target is not None and any(target.met_by(result.accuracy, result.size_bytes) for result in self.results)
