"""Which training goes on and what is tried next: the rule of early stopping and the sampler of a study, fed from the store.

Decisions:
- The sampler `front` is told all costs that are cheap to work out, and which of them are limited.
- Rungs compare the character error rate and the bytes: on few epochs no line is right yet, but some characters are.
- Samplers learn from every rung: what was stopped is known to the view of the rung that it reached.
- State is what the store holds: rung records are attributes of trials, and are replayed when a search starts.
- A study of few trials trains all of them to the end: with less than `FEW_TRIALS` there is nothing to choose from.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, assert_never

from search_space.architecture import RefusedArchitecture
from search_space.space import Choice, SearchSpace
from studies.definition.study import Study
from studies.objectives.costs import CostModel, Costs
from studies.objectives.limits import excess_before_training
from studies.run.precision_variants import PRECISION
from studies.samplers.base import Sampler
from studies.samplers.catalog import samplers
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.optuna_based.factory import FRONT
from studies.samplers.optuna_based.per_rung_sampler import PerRungSampler
from studies.schedulers.asha import MOASHA, Form
from studies.schedulers.decisions import Decision, Promotion
from studies.schedulers.expected_gain import ExpectedGainStopping
from studies.schedulers.rungs import rungs_up_to
from studies.storage.outcomes import (
    FAILED_VIOLATION,
    Duplicate,
    Failed,
    Measured,
    OverLimit,
    PrecisionVariantOf,
    Refused,
    Running,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import distributions

FEW_TRIALS = 9
LEAST_POINTS = 3
"""While the front has fewer points, more is trained to the end than the share of one in eta."""
UNINFORMATIVE_CER = 0.9
"""At or above this CER a rung is not used for ranking: nearly every character is still missing, whatever the architecture."""


class Schedule:
    """Decides, for one study.

    Args:
        study: its budget and search settings count.
        space: what is chosen from.
        costs: what an architecture costs; None: that is not known before training.
    """

    def __init__(self, study: Study, space: SearchSpace, costs: CostModel | None = None) -> None:
        search, epochs = study.search, study.budget.epochs
        self._objectives = study.objectives
        form = search.early_stopping
        if form == "auto":
            form = "none" if study.budget.trials < FEW_TRIALS else "gain" if search.sampler == FRONT else "promotion"
        rungs = [epochs] if form == "none" else rungs_up_to(epochs, search.eta, min(search.first_rung, epochs))
        self.rungs = tuple(rungs)
        uninformative_from = [math.inf if objective.before_training else UNINFORMATIVE_CER for objective in self._objectives]
        scales = [objective.scale for objective in self._objectives]
        directions = [objective.direction for objective in self._objectives]
        self._rule: MOASHA | ExpectedGainStopping
        self._sampler: Sampler
        if search.sampler == FRONT:
            known = _Known(study, space, costs) if costs is not None else None
            exact, limits = (known.exact, known.limits) if known else ((), {})
            shared = PRECISION if search.every_precision else None
            self._sampler = FrontSampler(
                distributions(space), directions, search.seed, rungs, scales, exact, known, limits, shared
            )
        elif search.sampler in samplers:
            self._sampler = samplers[search.sampler](distributions(space), directions, search.seed, rungs)
        else:
            self._sampler = PerRungSampler(distributions(space), directions, search.sampler, search.seed, rungs)
        if isinstance(self._sampler, FrontSampler) and form in ("gain", "none"):
            self._rule = ExpectedGainStopping(rungs, self._sampler, uninformative_from, search.eta)
        else:
            halving: Form = "stopping" if form == "stopping" else "promotion"
            self._rule = MOASHA(
                rungs, search.eta, halving, seed=search.seed, scales=scales, uninformative_from=uninformative_from
            )

    def replay(self, trials: Iterable[StoredTrial]) -> None:
        """Takes in what earlier runs have recorded."""
        for trial in trials:
            if not isinstance(trial.outcome, Suspended | Duplicate | OverLimit | Refused | Failed):
                for epoch, result in trial.rungs.items():
                    self.reached(trial.number, epoch, result.cer, trial.costs, trial.params)
            self.trial_closed(trial)

    def trial_closed(self, trial: StoredTrial) -> None:
        """Learns from what became of a trial."""
        match trial.outcome:
            case Measured(measurement=measurement) | PrecisionVariantOf(measurement=measurement):
                values = [objective.measured(measurement) for objective in self._objectives]
                self._record(trial.number, self.rungs[-1], values, trial.params)
            case Stopped():
                self._rule.promoted(trial.number, self.rungs[-1])
            case OverLimit(violation=violation) | Refused(violation=violation):
                self.keep_away(trial.number, trial.params, violation)
            case Failed():
                self.keep_away(trial.number, trial.params, FAILED_VIOLATION)
            case Running() | Suspended() | Duplicate():
                pass
            case _:
                assert_never(trial.outcome)

    def until(self, number: int, epoch: int = 0) -> int | None:
        """The epoch after which a trial that has trained for `epoch` epochs is compared next; None when it goes to the end."""
        rung = self._rule.next_rung(number, epoch)
        return None if rung >= self.rungs[-1] else rung

    def is_rung(self, number: int, epoch: int) -> bool:
        """Whether a trial is compared after this epoch, short of its last."""
        return epoch in self._rule.milestones(number)[:-1] if epoch < self.rungs[-1] else False

    def reached(self, number: int, rung: int, cer: float, costs: Costs | None, params: Mapping[str, Choice]) -> None:
        """Notes what a trial has reached at a rung short of the last."""
        if rung not in self.rungs[:-1]:
            return  # an earlier run of the study had other rungs
        self._record(number, rung, [objective.at_rung(cer, costs) for objective in self._objectives], params)

    def _record(self, number: int, rung: int, values: Sequence[float], params: Mapping[str, Choice]) -> None:
        self._sampler.observe(params, rung, list(values))  # first: the rule may ask it
        minimised = [o.to_minimize(value) for o, value in zip(self._objectives, values, strict=True)]
        self._rule.record(number, rung, minimised, params)

    def promoted(self, number: int, rung: int) -> None:
        """Notes that a trial is on its way up from a rung: an earlier run has sent it there."""
        self._rule.promoted(number, rung)

    def keep_away(self, number: int, params: Mapping[str, Choice], violation: float) -> None:
        """Notes what may not, or could not, train."""
        self._rule.promoted(number, self.rungs[-1])
        self._sampler.add_infeasible(params, violation)

    def decide(self, number: int, rung: int) -> Decision:
        """What becomes of a trial that was just recorded at a rung."""
        return self._rule.decide(number, rung)

    def next_promotion(self, force: bool = False) -> Promotion | None:
        """The paused trial that a free place should resume."""
        return self._rule.next_promotion(force)

    def propose(self, running: Iterable[Mapping[str, Choice]], suspended: Iterable[Mapping[str, Choice]]) -> dict[str, Choice]:
        """Parameters to try next.

        Args:
            running: parameters of trainings under way.
            suspended: of those that wait at a rung.
        """
        return self._sampler.propose(running, suspended)


class _Known:
    """What the sampler `front` is told of an architecture before it is trained: costs that take milliseconds to work out."""

    def __init__(self, study: Study, space: SearchSpace, costs: CostModel) -> None:
        self._space, self._costs, self._objectives = space, costs, study.objectives
        self._limits = {metric: most for metric, most in study.limits.by_cost.items() if metric != "latency_ms"}
        self.exact = [k for k, o in enumerate(study.objectives) if o.before_training and "latency_ms" not in o.reads]
        metrics = [(k, study.objectives[k].reads) for k in self.exact if study.objectives[k].function is None]
        self.limits = {k: self._limits[metric] for k, (metric,) in metrics if metric in self._limits}

    def __call__(self, params: Mapping[str, Any]) -> tuple[list[float], bool] | None:
        """The exact objectives, and whether the limits are kept; None for what cannot be built."""
        try:
            architecture = self._space.sample(lambda name, _: params[name])
            costs = self._costs.without_latency(architecture)
        except RefusedArchitecture:
            return None
        fits = excess_before_training(architecture, self._costs, self._limits) is None
        return [self._objectives[k].at_rung(1.0, costs) for k in self.exact], fits
