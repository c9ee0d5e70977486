"""From what a sampler proposes to what may train: refused, over-limit and duplicate configurations are answered at once.

Decisions:
- What cannot train costs no training but teaches the sampler: its trial is closed with a constraint.
- An equal configuration gets the first one's result; so does a precision variant of what is in training or was stopped.
- Samplers cannot be kept from repeating themselves: after `PATIENCE` proposals in a row that brought nothing new, the rest
  of a small space is enumerated in random order, so that a search ends only when there is nothing left to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from search_space.architecture import Architecture, RefusedArchitecture
from studies.definition.configuration import Configuration
from studies.definition.joint_space import Value
from studies.definition.study import Study
from studies.objectives.costs import CostModel, Costs
from studies.objectives.limits import LIMIT_NAMES, excess_before_training, smallest_cost, write_cost
from studies.run.enumeration import ENUMERABLE, shuffled_params
from studies.run.judged import Answered, AwaitsOther, Exhausted, Judgement, Ready, record_of
from studies.run.precision_variants import PrecisionVariants
from studies.run.schedule import Schedule
from studies.run.seen_architectures import Seen, SeenArchitectures
from studies.run.waiting_duplicates import answer_from
from studies.storage.distributions import distributions
from studies.storage.outcomes import OverLimit, PrecisionVariantOf, Refused, Running
from studies.storage.proposal import Proposal
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore

PATIENCE = 40
"""Proposals in a row that bring nothing new before the rest of the space is enumerated: samplers that have converged repeat
themselves some twenty times before they find something new."""


class Proposer:
    """Proposes configurations that may train. It opens trials and closes none.

    Args:
        study: its space, limits and seed.
        store: where trials are opened.
        seen: what has been met before.
        costs: what an architecture costs.
        schedule: its sampler proposes parameters.
        variants: of the study's space.
        others_wait: whether trials wait for a training under way, so that its end may change what can be proposed.
    """

    def __init__(
        self,
        study: Study,
        store: StudyStore,
        seen: SeenArchitectures,
        costs: CostModel,
        schedule: Schedule,
        variants: PrecisionVariants,
        others_wait: Callable[[], bool],
    ) -> None:
        self._store, self._space, self._seen = store, study.joint_space, seen
        self._costs, self._limits = costs, study.limits.by_cost
        self._schedule, self._variants, self._others_wait = schedule, variants, others_wait
        self._distributions = distributions(self._space)
        self._rest: Iterator[dict[str, Value]] | None = None
        self._over_limit_in_a_row = 0
        self._answered_in_a_row = 0
        self._exhausted_at: int | None = None  # results that the schedule had when the sampler brought nothing new
        self._continuing: dict[str, int] = {}  # digest of what is trained further in this run, to the trial in which it is
        self._seed = study.search.seed

    def next(self, running: Iterable[Ready] = (), paused: Iterable[Ready] = ()) -> Judgement | Exhausted | None:
        """The next proposal. One that is not `Ready` is to be closed, or kept, before this is called again.

        Args:
            running: trainings under way, which are not worth proposing again.
            paused: trainings that are paused at a rung; neither are these.

        Returns:
            None when everything that could be proposed equals a training under way; `Exhausted` when nothing is left at all.
        """
        judgement = self._next(running, paused)
        answered = isinstance(judgement, Answered | AwaitsOther)
        self._answered_in_a_row = self._answered_in_a_row + 1 if answered else 0
        return judgement

    def open(self, configuration: Configuration, earlier: StoredTrial | None = None) -> Judgement | None:
        """Opens a trial for a given configuration, which may lie outside the space; None when it has been met already.

        Args:
            configuration: what to train.
            earlier: the trial whose training it resumes. If that was measured, or took a measured one further, so does this.
        """
        measured = None if earlier is None else earlier.number if earlier.is_candidate else earlier.continues
        if measured is None and self._seen.get(configuration.digest) is not None:
            return None
        proposal = self._store.ask_params(self._space.params_of(configuration), self._distributions)
        if earlier is None or measured is None:
            return self._judge_configuration(proposal.number, configuration)
        costs = earlier.costs or self._costs(configuration.architecture)
        ready = self._continued(proposal.number, configuration, costs, measured)
        self._store.describe(ready.closed(Running()))
        return ready

    def reopen(self, trial: StoredTrial) -> Judgement:
        """Takes over a trial that an earlier run has left open; what it costs is known, if that run got so far."""
        configuration = trial.configuration
        if configuration is None:
            return self._judge(Proposal(trial.number, dict(trial.params)))
        if trial.continues is not None:
            costs = trial.costs or self._costs(configuration.architecture)
            return self._continued(trial.number, configuration, costs, trial.continues)
        if trial.costs is None or self._seen.get(configuration.digest) is not None:
            return self._judge_configuration(trial.number, configuration)
        self._seen.put_running(configuration.digest, trial.number)
        return self._ready(trial.number, configuration, trial.costs)

    def still_missing(self, configuration: Configuration) -> tuple[str, ...]:
        """Further precisions to store a training of this configuration in: within the limits, and not there yet."""
        training = self._continuing.get(configuration.digest)
        return self._within_limits(other for other in self._variants.of(configuration) if self._lacks(other, training))

    def precisions(self, configuration: Configuration) -> tuple[str, ...]:
        """All precisions that a training of this configuration can be stored in within the limits."""
        return self._within_limits((configuration, *self._variants.of(configuration)))

    def _within_limits(self, variants: Iterable[Configuration]) -> tuple[str, ...]:
        """The precisions of those variants of a training that are within the limits."""
        limits = {metric: most for metric, most in self._limits.items() if metric != "latency_ms"}  # measured on the file
        return tuple(
            variant.architecture.precision
            for variant in variants
            if excess_before_training(variant.architecture, self._costs, limits) is None
        )

    def closed(self, trial: StoredTrial) -> Ready | None:
        """What a closed trial trained; None if this version cannot build it."""
        try:
            configuration = trial.configuration
        except RefusedArchitecture:
            return None
        if configuration is None:
            return None
        return self._ready(trial.number, configuration, trial.costs or self._costs(configuration.architecture))

    def ready_variant(self, ready: Ready, architecture: Architecture) -> Ready | None:
        """What the training of `ready` has given besides, under its number; None when it is known already."""
        training = None if ready.continues is None else ready.number
        return self.variant(ready, architecture) if self._lacks(_with(ready, architecture), training) else None

    def variant(self, ready: Ready, architecture: Architecture) -> Ready:
        """The training of `ready` stored in another precision, under its number."""
        if architecture.precision == ready.architecture.precision:
            return ready
        return self._ready(ready.number, _with(ready, architecture), self._costs.without_latency(architecture))

    def _lacks(self, configuration: Configuration, training: int | None) -> bool:
        """Whether a precision variant is not there yet; one that is counts only if it is of `training`, where this is given."""
        known = self._seen.get(configuration.digest)
        if known is None:
            return True
        return training is not None and isinstance(known.outcome, PrecisionVariantOf) and known.outcome.trial != training

    def _continued(self, number: int, configuration: Configuration, costs: Costs, measured: int) -> Ready:
        """A trial that takes the training of a measured one further; that one answers equal proposals in the meantime."""
        self._continuing[configuration.digest] = number
        return replace(self._ready(number, configuration, costs), continues=measured)

    def _next(self, running: Iterable[Ready], paused: Iterable[Ready]) -> Judgement | Exhausted | None:
        if self._exhausted_at == self._schedule.results:
            return Exhausted(self._advice())  # the sampler would propose the same again: it has learnt nothing since
        if self._answered_in_a_row >= PATIENCE or self._rest is not None:
            params = self._unseen()
            if not isinstance(params, dict):
                return params
        else:
            under_way = [params for ready in running for params in self._variants.params(ready.params)]
            waiting = (params for ready in paused for params in ready.variant_params)
            params = self._schedule.propose(under_way, waiting)
        return self._judge(self._store.ask_params(params, self._distributions))

    def _judge(self, proposal: Proposal) -> Judgement:
        """What a proposal is."""
        missing = [name for name in self._space.open_fields if name not in proposal.params]
        if missing:  # a known model from outside the space, whose search was killed before it was described
            reason = (
                "the search was killed before the architecture of this trial was recorded; it is tried again in a new trial"
            )
            return Answered(StoredTrial(proposal.number, proposal.params, Refused(reason)))
        try:
            configuration = self._space.configuration(proposal.params)
        except RefusedArchitecture as refusal:
            return Answered(StoredTrial(proposal.number, proposal.params, Refused(str(refusal))))
        return self._judge_configuration(proposal.number, configuration)

    def _judge_configuration(self, number: int, configuration: Configuration) -> Judgement:
        """The same for a configuration that is known, such as that of a trial which a killed search left open."""
        architecture, params = configuration.architecture, self._space.params_of(configuration)
        known = self._variants.known(configuration, self._seen)
        if known is not None and known.number != number:
            return self._judge_duplicate(number, configuration, known)
        excess = excess_before_training(architecture, self._costs, self._limits)
        if excess is not None:
            self._over_limit_in_a_row += 1
            outcome = OverLimit(excess.reason, excess.violation)
            return Answered(record_of(number, params, configuration, self._costs.without_latency(architecture), outcome))
        self._over_limit_in_a_row = 0
        ready = self._ready(number, configuration, self._costs(architecture))
        self._store.describe(ready.closed(Running()))
        self._seen.put_running(configuration.digest, number)
        return ready

    def _judge_duplicate(self, number: int, configuration: Configuration, known: Seen) -> Judgement:
        trial = record_of(number, self._space.params_of(configuration), configuration, None, Running())
        if isinstance(known.outcome, Running):
            self._store.describe(trial)
            return AwaitsOther(trial, known.number)
        return Answered(trial.closed(answer_from(known)))

    def _ready(self, number: int, configuration: Configuration, costs: Costs) -> Ready:
        return Ready(number, configuration, costs, self._space.params_of(configuration), self._variants)

    def _unseen(self) -> dict[str, Value] | Exhausted | None:
        """Parameters of a configuration that has not been met yet; otherwise why there are none, or None: see `next`."""
        if self._space.size > ENUMERABLE:
            self._exhausted_at = self._schedule.results
            return Exhausted(self._advice())
        if self._rest is None:
            self._rest = iter(shuffled_params(self._space, self._seed))
        for params in self._rest:
            try:
                configuration = self._space.configuration(params)
            except RefusedArchitecture:
                continue
            if self._variants.known(configuration, self._seen) is None and self._fits(configuration.architecture):
                return params
        if self._others_wait():
            return None
        return Exhausted("every architecture of the space within the limits has been tried")

    def _advice(self) -> str:
        """Why a large space brings nothing new, and what would help."""
        found = []
        for metric in self._limits:
            if metric != "latency_ms":  # takes seconds an architecture
                least = smallest_cost(self._space.architectures, self._costs.function_of(metric))
                found.append(f"{LIMIT_NAMES[metric]} {write_cost(metric, least)}")
        could = f"; the smallest in this space is {', '.join(found)}" if found and self._over_limit_in_a_row else ""
        return (
            f"{PATIENCE} proposals in a row contained no new architecture within the limits{could}; "
            f"raise a limit or add values to the space"
        )

    def _fits(self, architecture: Architecture) -> bool:
        return excess_before_training(architecture, self._costs, self._limits) is None


def _with(ready: Ready, architecture: Architecture) -> Configuration:
    """An architecture with the recipe settings of a training."""
    return replace(ready.configuration, architecture=architecture)
