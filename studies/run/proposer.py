"""From what a sampler proposes to what may train: refused, over-limit and duplicate architectures are answered at once.

Decisions:
- What cannot train costs no training but teaches the sampler: its trial is closed with a constraint.
- An equal architecture gets the first one's result; so does a precision variant of what is in training or was stopped.
- Samplers cannot be kept from repeating themselves: after `PATIENCE` proposals in a row that brought nothing new, the rest
  of a small space is enumerated in random order, so that a search ends only when there is nothing left to try.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.space import Choice, SearchSpace
from studies.definition.study import Study
from studies.objectives.costs import CostModel, Costs
from studies.objectives.limits import LIMIT_NAMES, excess_before_training, smallest_cost, write_cost
from studies.run.enumeration import ENUMERABLE, shuffled_params
from studies.run.precision_variants import PrecisionVariants
from studies.run.schedule import Schedule
from studies.run.seen_architectures import Seen, SeenArchitectures
from studies.run.waiting_duplicates import answer_from
from studies.storage.outcomes import Outcome, OverLimit, PrecisionVariantOf, Refused, Running
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import Proposal, StudyStore, distributions

PATIENCE = 40
"""Proposals in a row that bring nothing new before the rest of the space is enumerated: samplers that have converged repeat
themselves some twenty times before they find something new."""


@dataclass(frozen=True)
class Ready:
    """An architecture that may train.

    Attributes:
        number: its trial.
        architecture: what to train.
        costs: what is known of its costs before it is trained.
        params: value of each open field, as far as the space has it.
        variants: what the same training gives besides.
        continues: the measured trial whose training it takes further; None for any other.
    """

    number: int
    architecture: Architecture
    costs: Costs
    params: Mapping[str, Choice] = field(default_factory=dict)
    variants: PrecisionVariants | None = field(default=None, repr=False, compare=False)
    continues: int | None = None

    @property
    def size_bytes(self) -> int:
        """The estimate of its file."""
        return self.costs.size_bytes

    @cached_property
    def variant_params(self) -> tuple[Mapping[str, Choice], ...]:
        """Its parameters in every precision; kept, since samplers recognise thousands that are paused by these objects."""
        return (self.params,) if self.variants is None else tuple(self.variants.params(self.params))

    def closed(self, outcome: Outcome) -> StoredTrial:
        """Its trial with an outcome."""
        return StoredTrial.of(self.number, self.params, self.architecture, self.costs, outcome, self.continues)


@dataclass(frozen=True)
class Answered:
    """A proposal that is not trained: the trial with its outcome, to be closed."""

    trial: StoredTrial


@dataclass(frozen=True)
class AwaitsOther:
    """A proposal that equals a training under way: its trial stays open until trial `of` is closed."""

    trial: StoredTrial
    of: int


@dataclass(frozen=True)
class Exhausted:
    """Nothing new could be proposed; `reason` says why and what would help."""

    reason: str


Judgement = Ready | Answered | AwaitsOther
"""The three kinds of proposals."""


class Proposer:
    """Proposes architectures that may train. It opens trials and closes none.

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
        self._store, self._space, self._seen = store, study.search_space, seen
        self._costs, self._limits = costs, study.limits.by_cost
        self._schedule, self._variants, self._others_wait = schedule, variants, others_wait
        self._distributions = distributions(self._space)
        self._rest: Iterator[dict[str, Choice]] | None = None
        self._over_limit_in_a_row = 0
        self._answered_in_a_row = 0
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

    def open(self, architecture: Architecture, earlier: StoredTrial | None = None) -> Judgement | None:
        """Opens a trial for a given architecture, which may lie outside the space; None when it has been met already.

        Args:
            architecture: what to train.
            earlier: the trial whose training it resumes. If that was measured, or took a measured one further, so does this.
        """
        measured = None if earlier is None else earlier.number if earlier.is_candidate else earlier.continues
        if measured is None and self._seen.get(architecture.digest) is not None:
            return None
        proposal = self._store.ask_params(params_in(self._space, architecture), self._distributions)
        if earlier is None or measured is None:
            return self._judge_architecture(proposal.number, architecture)
        costs = earlier.costs or self._costs(architecture)
        ready = self._continued(proposal.number, architecture, costs, measured)
        self._store.describe(ready.closed(Running()))
        return ready

    def reopen(self, trial: StoredTrial) -> Judgement:
        """Takes over a trial that an earlier run has left open; what it costs is known, if that run got so far."""
        architecture = trial.architecture
        if architecture is None:
            return self._judge(Proposal(trial.number, dict(trial.params)))
        if trial.continues is not None:
            costs = trial.costs or self._costs(architecture)
            return self._continued(trial.number, architecture, costs, trial.continues)
        if trial.costs is None or self._seen.get(architecture.digest) is not None:
            return self._judge_architecture(trial.number, architecture)
        self._seen.put_running(architecture.digest, trial.number)
        return self._ready(trial.number, architecture, trial.costs)

    def still_missing(self, architecture: Architecture) -> tuple[str, ...]:
        """Further precisions to store a training of this architecture in: within the limits, and not there yet."""
        limits = {metric: most for metric, most in self._limits.items() if metric != "latency_ms"}  # measured on the file
        training = self._continuing.get(architecture.digest)
        return tuple(
            other.precision
            for other in self._variants.of(architecture)
            if self._lacks(other, training) and excess_before_training(other, self._costs, limits) is None
        )

    def ready_variant(self, ready: Ready, architecture: Architecture) -> Ready | None:
        """What the training of `ready` has given besides, under its number; None when it is known already."""
        training = None if ready.continues is None else ready.number
        return self.variant(ready, architecture) if self._lacks(architecture, training) else None

    def variant(self, ready: Ready, architecture: Architecture) -> Ready:
        """The training of `ready` stored in another precision, under its number."""
        if architecture.precision == ready.architecture.precision:
            return ready
        return self._ready(ready.number, architecture, self._costs.without_latency(architecture))

    def _lacks(self, architecture: Architecture, training: int | None) -> bool:
        """Whether a precision variant is not there yet; one that is counts only if it is of `training`, where this is given."""
        known = self._seen.get(architecture.digest)
        if known is None:
            return True
        return training is not None and isinstance(known.outcome, PrecisionVariantOf) and known.outcome.trial != training

    def _continued(self, number: int, architecture: Architecture, costs: Costs, measured: int) -> Ready:
        """A trial that takes the training of a measured one further; that one answers equal proposals in the meantime."""
        self._continuing[architecture.digest] = number
        return replace(self._ready(number, architecture, costs), continues=measured)

    def _next(self, running: Iterable[Ready], paused: Iterable[Ready]) -> Judgement | Exhausted | None:
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
            architecture = self._space.sample(lambda name, _: proposal.params[name])
        except RefusedArchitecture as refusal:
            return Answered(StoredTrial(proposal.number, proposal.params, Refused(str(refusal))))
        return self._judge_architecture(proposal.number, architecture)

    def _judge_architecture(self, number: int, architecture: Architecture) -> Judgement:
        """The same for an architecture that is known, such as that of a trial which a killed search left open."""
        digest, params = architecture.digest, params_in(self._space, architecture)
        known = self._variants.known(architecture, self._seen)
        if known is not None and known.number != number:
            return self._judge_duplicate(number, architecture, known)
        excess = excess_before_training(architecture, self._costs, self._limits)
        if excess is not None:
            self._over_limit_in_a_row += 1
            outcome = OverLimit(excess.reason, excess.violation)
            return Answered(StoredTrial.of(number, params, architecture, self._costs.without_latency(architecture), outcome))
        self._over_limit_in_a_row = 0
        ready = self._ready(number, architecture, self._costs(architecture))
        self._store.describe(ready.closed(Running()))
        self._seen.put_running(digest, number)
        return ready

    def _judge_duplicate(self, number: int, architecture: Architecture, known: Seen) -> Judgement:
        trial = StoredTrial.of(number, params_in(self._space, architecture), architecture, None, Running())
        if isinstance(known.outcome, Running):
            self._store.describe(trial)
            return AwaitsOther(trial, known.number)
        return Answered(trial.closed(answer_from(known)))

    def _ready(self, number: int, architecture: Architecture, costs: Costs) -> Ready:
        return Ready(number, architecture, costs, params_in(self._space, architecture), self._variants)

    def _unseen(self) -> dict[str, Choice] | Exhausted | None:
        """Parameters of an architecture that has not been met yet; otherwise why there are none, or None: see `next`."""
        if self._space.size > ENUMERABLE:
            return Exhausted(self._advice())
        if self._rest is None:
            self._rest = iter(shuffled_params(self._space, self._seed))
        for params in self._rest:
            try:
                architecture = self._space.sample(lambda name, _, p=params: p[name])
            except RefusedArchitecture:
                continue
            if self._variants.known(architecture, self._seen) is None and self._fits(architecture):
                return params
        if self._others_wait():
            return None
        return Exhausted("every architecture of the space within the limits has been tried")

    def _advice(self) -> str:
        """Why a large space brings nothing new, and what would help."""
        found = []
        for metric in self._limits:
            if metric != "latency_ms":  # takes seconds an architecture
                least = smallest_cost(self._space, self._costs.function_of(metric))
                found.append(f"{LIMIT_NAMES[metric]} {write_cost(metric, least)}")
        could = f"; the smallest in this space is {', '.join(found)}" if found and self._over_limit_in_a_row else ""
        return (
            f"{PATIENCE} proposals in a row contained no new architecture within the limits{could}; "
            f"raise a limit or add values to the space"
        )

    def _fits(self, architecture: Architecture) -> bool:
        return excess_before_training(architecture, self._costs, self._limits) is None


def params_in(space: SearchSpace, architecture: Architecture) -> dict[str, Choice]:
    """The open fields of an architecture whose values the space has; a known model may lie outside it in others."""
    values = architecture.as_dict()
    return {name: values[name] for name in space.open_fields if values[name] in space.choices[name]}
