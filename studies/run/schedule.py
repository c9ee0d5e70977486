"""Which training continues and what is tried next: the scheduler and the sampler of a study, with the records of the store.

Decisions:
- The sampler `front` gets all costs that are cheap to compute, and their limits.
- Rungs compare the character error rate and the bytes: after few epochs no line is right yet, but some characters are.
- A training that prunes is compared only after its cut (`trainers.pruning.phases`). Before, it has the error of the whole
  network and the bytes of what will be left of it, and would dominate everything else. It trains on to the first rung behind.
- Samplers learn from every rung: a stopped training counts at each rung that it reached.
- A training that ended at the last epoch of an earlier run, which was lower, has reached a rung now. It waits there if its
  checkpoint is kept (`studies.run.clear_files`); the sampler learns from it in either case.
- The state is what the store holds: rung records are attributes of trials, and are replayed when a search starts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, assert_never

from search_space.architecture import Architecture, RefusedArchitecture
from studies.definition.joint_space import JointSpace, Value
from studies.definition.study import Study
from studies.objectives.costs import CostModel, Costs
from studies.objectives.limits import excess_before_training
from studies.objectives.objective import Objective
from studies.run.epoch_seconds import EpochSeconds
from studies.run.precision_variants import PRECISION
from studies.samplers.front.ancestry import Ancestry
from studies.samplers.front.sampler import FrontSampler
from studies.samplers.front.training_cost import EpochCost
from studies.samplers.optuna_based.factory import FRONT
from studies.schedulers.decisions import Decision, Promotion
from studies.schedulers.factory import EarlyStopping, make_scheduler_and_sampler
from studies.schedulers.rungs import rungs_up_to
from studies.storage.distributions import distributions
from studies.storage.outcomes import (
    FAILED_VIOLATION,
    CheckpointOf,
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
from trainers.base.candidate import Measurement
from trainers.pruning.phases import Phases

FEW_TRIALS = 9
"""With fewer trials all are trained to the end: a rung would compare too few trainings to choose from."""
RANDOM_EPOCHS = 4.0
"""Epochs after which a network that began with random weights reads as well as one that began with starter weights reads after
one: three to five on digits and codes (docs/inheritance.md). Where time is limited, its epochs count as so much dearer."""
LEAST_POINTS = 3
"""At the end of a search paused trainings are resumed until the front has so many points: fewer are hardly a choice."""
UNINFORMATIVE_CER = 0.9
"""At or above this CER a rung is not used for ranking: nearly every character is still missing, whatever the architecture."""


def early_stopping_of(study: Study) -> EarlyStopping:
    """What happens at rungs in a study, with "auto" resolved."""
    search = study.search
    if search.early_stopping != "auto":
        return search.early_stopping
    return "none" if study.budget.trials < FEW_TRIALS else "gain" if search.sampler == FRONT else "promotion"


class Schedule:
    """The scheduler and the sampler of one study.

    Args:
        study: its budget and search settings count.
        space: what is chosen from.
        costs: computes the costs of an architecture; None: they are not known before training.
        epoch_seconds: predicts the seconds of an epoch where time is limited, so that gains count per second; None: per epoch.
        first_rung: epochs after which trainings are first compared; None: as the study says.
        initial_trainings: most trainings of the initial design of the sampler `front`; None: as many as its rungs suggest.
        former: epochs of a full training in earlier runs, rising and below those of the study.
        ancestry: how much training each network inherits, for the sampler `front`; None: all begin alike.
        begins_at_random: whether an architecture begins with random weights although others begin with trained ones.
        first: what the sampler `front` proposes before all others (`studies.run.first_architectures`).

    Attributes:
        rungs: epochs of each rung; the last is a full training.
        results: grows with every result that the sampler learns from.
    """

    def __init__(  # long: one call with all settings
        self,
        study: Study,
        space: JointSpace,
        costs: CostModel | None = None,
        epoch_seconds: EpochSeconds | None = None,
        first_rung: int | None = None,
        initial_trainings: int | None = None,
        former: Sequence[int] = (),
        ancestry: Ancestry | None = None,
        begins_at_random: Callable[[Architecture], bool] = lambda _: False,
        first: Sequence[Sequence[Mapping[str, Value]]] = (),
    ) -> None:
        search, epochs, form = study.search, study.budget.epochs, early_stopping_of(study)
        self._objectives, self._recipe, self._counts_early = study.objectives, study.training_recipe, epoch_seconds is not None
        lowest = min(first_rung or search.first_rung, *former, epochs)
        self.rungs = (*former, epochs) if form == "none" else tuple(rungs_up_to(epochs, search.eta, lowest, former))
        self._compares, self._former, self._may_continue, self.results = form != "none", frozenset(former), frozenset[int](), 0
        known = _KnownCosts(study, space, costs) if costs is not None else None
        best_values = {k: o.best_value for k, o in enumerate(self._objectives) if o.best_value is not None}
        self._scheduler, self._sampler = make_scheduler_and_sampler(
            distributions(space),
            [objective.direction for objective in self._objectives],
            self.rungs,
            sampler=search.sampler,
            early_stopping=form,
            eta=search.eta,
            seed=search.seed,
            scales=[objective.scale for objective in self._objectives],
            uninformative_from=[math.inf if o.before_training else UNINFORMATIVE_CER for o in self._objectives],
            known_objectives=known.objectives if known else (),
            costs=known,
            limits=known.limits if known else None,
            variant_parameter=PRECISION if search.every_precision else None,
            initial_trainings=initial_trainings,
            parameter_scales=space.scales,
            epoch_cost=None if epoch_seconds is None else _epoch_cost(space, epoch_seconds, begins_at_random),
            ancestry=ancestry,
            unused=space.unused,
            first=first,
            best_values=best_values,
        )

    def replay(self, trials: Iterable[StoredTrial], may_continue: Iterable[int] = ()) -> None:
        """Adds all that earlier runs have recorded.

        Args:
            trials: of the study.
            may_continue: numbers of those that were measured at the last epoch of an earlier run and may train further.
        """
        self._may_continue = frozenset(may_continue)
        for trial in trials:
            if not isinstance(trial.outcome, Suspended | Duplicate | OverLimit | Refused | Failed):
                phases = self._phases((trial.fields or {}).get("prune_percent", 0))
                for epoch, result in trial.rungs.items():
                    if phases.is_comparable(epoch):  # earlier versions have recorded others, too
                        self.observe_rung(trial.number, epoch, result.cer, trial.costs, trial.params)
            self.trial_closed(trial)

    def trial_closed(self, trial: StoredTrial) -> None:
        """Adds the outcome of a trial."""
        match trial.outcome:
            case Measured(measurement=measurement, epochs=epochs) | PrecisionVariantOf(measurement=measurement, epochs=epochs):
                if epochs in self._former:
                    self._ended_earlier(trial, epochs, measurement)
                else:
                    values = [self._reached(objective, measurement) for objective in self._objectives]
                    self.observe(trial.number, self.rungs[-1], values, trial.params)
            case Stopped():
                self._scheduler.mark_promoted(trial.number, self.rungs[-1])
            case OverLimit() | Failed() if trial.continues is not None:  # what it continues was within the limits, and stays
                self.mark_continued(trial.number)
            case OverLimit(violation=violation) | Refused(violation=violation):
                self.add_infeasible(trial.number, trial.params, violation)
            case Failed():
                self.add_infeasible(trial.number, trial.params, FAILED_VIOLATION)
            case Running() | Suspended() | Duplicate() | CheckpointOf():
                pass
            case _:
                assert_never(trial.outcome)

    def _reached(self, objective: Objective, measurement: Measurement) -> float:
        """What a full training has reached. Where time is limited it is compared with trainings at lower rungs: by CER."""
        if self._counts_early and objective.metric == "accuracy" and objective.function is None:
            return objective.at_rung(measurement.cer, None)
        return objective.measured(measurement)

    def _ended_earlier(self, trial: StoredTrial, epochs: int, measurement: Measurement) -> None:
        """Adds a trial that was measured at the last epoch of an earlier run, which is a rung now."""
        if trial.number in self._may_continue:
            self.observe_rung(trial.number, epochs, measurement.cer, trial.costs, trial.params)
        else:
            values = [objective.at_rung(measurement.cer, trial.costs) for objective in self._objectives]
            self._sampler.observe(trial.params, epochs, values)
            self._scheduler.mark_promoted(trial.number, self.rungs[-1])

    def until(self, number: int, architecture: Architecture, epoch: int = 0) -> int | None:
        """The epoch after which a trial that has trained for `epoch` epochs is compared next; None when it goes to the end."""
        rung = self._scheduler.next_rung(number, max(epoch, self._phases(architecture.prune_percent).cut_after or 0))
        return rung if self._compares and rung < self.rungs[-1] else None

    def is_rung(self, number: int, architecture: Architecture, epoch: int) -> bool:
        """Whether a trial is compared after this epoch, short of its last."""
        if not self._compares:
            return False
        comparable = epoch < self.rungs[-1] and self._phases(architecture.prune_percent).is_comparable(epoch)
        return comparable and epoch in self._scheduler.milestones(number)[:-1]

    def _phases(self, prune_percent: int) -> Phases:
        return Phases.of(self._recipe, self.rungs[-1], prune_percent)

    def observe_rung(self, number: int, rung: int, cer: float, costs: Costs | None, params: Mapping[str, Value]) -> None:
        """Adds what a trial has reached at a rung short of the last; an earlier run of the study may have had other rungs."""
        if rung in self.rungs[:-1]:
            self.observe(number, rung, [objective.at_rung(cer, costs) for objective in self._objectives], params)

    def observe(self, number: int, rung: int, values: Sequence[float], params: Mapping[str, Value]) -> None:
        """Gives what a trial has reached at a rung to the sampler and the scheduler.

        Args:
            number: of the trial.
            rung: epochs, one of the rungs.
            values: in the order and directions of the objectives.
            params: value of each open field.
        """
        self.results += 1
        self._sampler.observe(params, rung, list(values))  # first: the scheduler may ask it
        to_minimize = [o.to_minimize(value) for o, value in zip(self._objectives, values, strict=True)]
        self._scheduler.record(number, rung, to_minimize, params)

    def add_infeasible(self, number: int, params: Mapping[str, Value], violation: float) -> None:
        """Adds parameters that may not train, or could not."""
        self.results += 1
        self._scheduler.mark_promoted(number, self.rungs[-1])
        self._sampler.add_infeasible(params, violation)

    def mark_promoted(self, number: int, rung: int) -> None:
        """Marks a trial as promoted from a rung: an earlier run has resumed it there."""
        self._scheduler.mark_promoted(number, rung)

    def mark_continued(self, number: int) -> None:
        """Marks a trial that another one takes further, or that could not be: it does not wait at a rung any more."""
        self._scheduler.mark_promoted(number, self.rungs[-1])

    def decide(self, number: int, rung: int) -> Decision:
        """What becomes of a trial that was just recorded at a rung."""
        return self._scheduler.decide(number, rung)

    def next_promotion(self, force: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, marked as promoted; None when something new should start.

        Args:
            force: return the best one even if something new should start.
        """
        return self._scheduler.next_promotion(force)

    def stay_near_front(self) -> None:
        """From now on the sampler `front` proposes children of neighbours on the front only; other samplers go on as before."""
        if isinstance(self._sampler, FrontSampler) and not self._sampler.candidates.near_front:
            self._sampler.candidates.near_front = True
            self.results += 1  # it may propose something else now

    def propose(self, running: Iterable[Mapping[str, Value]], suspended: Iterable[Mapping[str, Value]]) -> dict[str, Value]:
        """Parameters to try next.

        Args:
            running: parameters of trainings under way.
            suspended: of those that wait at a rung.
        """
        return self._sampler.propose(running, suspended)


def _epoch_cost(space: JointSpace, seconds: EpochSeconds, begins_at_random: Callable[[Architecture], bool]) -> EpochCost:
    """For the sampler `front`, the seconds in which a training gains what an epoch with trained initial weights does."""

    def of(params: Mapping[str, Any]) -> float | None:
        try:
            architecture = space.configuration(params).architecture
        except RefusedArchitecture:
            return None
        return seconds(architecture) * (RANDOM_EPOCHS if begins_at_random(architecture) else 1.0)

    return EpochCost(of, lambda: seconds.longest_s)


class _KnownCosts:
    """Computes for the sampler `front` the objectives that are known before training and take milliseconds to compute.

    Attributes:
        objectives: positions of these objectives.
        limits: position to the highest allowed value, for those that are limited.
    """

    def __init__(self, study: Study, space: JointSpace, costs: CostModel) -> None:
        self._space, self._costs, self._sought = space, costs, study.objectives
        self._limits = {metric: most for metric, most in study.limits.by_cost.items() if metric != "latency_ms"}
        self.objectives = [k for k, o in enumerate(study.objectives) if o.before_training and "latency_ms" not in o.reads]
        metrics = [(k, study.objectives[k].reads) for k in self.objectives if study.objectives[k].function is None]
        self.limits = {k: self._limits[metric] for k, (metric,) in metrics if metric in self._limits}

    def __call__(self, params: Mapping[str, Any]) -> tuple[list[float], bool] | None:
        """These objectives, and whether the limits are kept; None if the architecture cannot be built."""
        try:
            architecture = self._space.configuration(params).architecture
            costs = self._costs.without_latency(architecture)
        except RefusedArchitecture:
            return None
        fits = excess_before_training(architecture, self._costs, self._limits) is None
        return [self._sought[k].at_rung(1.0, costs) for k in self.objectives], fits
