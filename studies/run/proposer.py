"""From what a sampler proposes to what may train: refused, over-budget and repeated architectures are answered at once.

Decisions:
- Whatever cannot train costs no training but teaches the sampler: told PRUNED with a constraint, never FAIL (the sampler
  does not see failures and would propose the same region again and again).
- An equal architecture is answered with the first one's result; so is a sibling (`studies.run.precision_variants`) of what
  trains or was stopped.
- Samplers cannot be kept from repeating themselves: after `PATIENCE` proposals in a row that brought nothing new, the rest
  of a small space is gone through in random order, so that a search ends only when there is nothing left to try.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property

from optuna.trial import FrozenTrial

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.space import Choice, SearchSpace
from studies.definition.study import Study
from studies.objectives.costs import CostModel, Costs
from studies.objectives.limits import NAMES, WRITE, excess_before, smallest
from studies.run.observer import Observer, TrialRecord
from studies.run.precision_variants import PrecisionVariants
from studies.run.schedule import Schedule, costs_of
from studies.run.seen_architectures import Entry, SeenArchitectures
from studies.storage.study_store import Proposal, StudyStore, distributions

PATIENCE = 40
ENUMERABLE = 20_000
REFUSED_VIOLATION = 1.0


@dataclass(frozen=True)
class Ready:
    """An architecture that may train.

    Attributes:
        number: its trial.
        architecture: what to train.
        costs: what is known of its costs before it is trained.
        params: value of each open field, as far as the space has it.
        variants: what the same training gives besides.
    """

    number: int
    architecture: Architecture
    costs: Costs
    params: Mapping[str, Choice] = field(default_factory=dict)
    variants: PrecisionVariants | None = field(default=None, repr=False, compare=False)

    @property
    def size_bytes(self) -> int:
        """The estimate of its file."""
        return self.costs.size_bytes

    @cached_property
    def family(self) -> tuple[Mapping[str, Choice], ...]:
        """Its parameters and those of its variants; kept, since samplers know thousands that wait again by the objects."""
        return (self.params,) if self.variants is None else tuple(self.variants.params(self.params))


@dataclass(frozen=True)
class Exhausted:
    """Nothing new could be proposed; `reason` says why and what would help."""

    reason: str


@dataclass(frozen=True)
class Waiting:
    """Everything that could be proposed equals a training that is under way."""


class Proposer:
    """Proposes architectures that may train.

    Args:
        study: its space, limits and seed.
        store: where trials are opened and closed.
        seen: what has been met before; kept up to date.
        costs: what an architecture costs.
        schedule: has the ideas, and is taught what may not train.
        observer: told of every trial that is answered without training.
    """

    def __init__(
        self,
        study: Study,
        store: StudyStore,
        seen: SeenArchitectures,
        costs: CostModel,
        schedule: Schedule,
        observer: Observer,
    ) -> None:
        self._store, self._space, self._seen = store, study.search_space, seen
        self._costs, self._limits = costs, study.limits.by_cost
        self._schedule, self._observer = schedule, observer
        self._variants = PrecisionVariants(self._space, study.search.every_precision)
        self._distributions = distributions(self._space)
        self._rest: Iterator[dict[str, Choice]] | None = None
        self._refused_in_a_row = 0
        self._seed = study.search.seed
        self._parked: dict[int, tuple[Architecture, int]] = {}

    def next(self, running: Iterable[Ready] = (), paused: Iterable[Ready] = ()) -> Ready | Exhausted | Waiting:
        """The next architecture to train.

        Args:
            running: trainings under way, which are not worth proposing again.
            paused: trainings that wait at a rung, neither.
        """
        under_way = [params for ready in running for params in self._variants.params(ready.params)]
        waits = tuple(paused)
        for attempt in itertools.count():
            if attempt >= PATIENCE or self._rest is not None:
                params = self._unseen()
                if not isinstance(params, dict):
                    return params
            else:
                params = self._schedule.propose(under_way, (params for ready in waits for params in ready.family))
            ready = self.judge(self._store.ask_params(params, self._distributions))
            if ready is not None:
                return ready
        raise AssertionError("unreachable")

    def open(self, architecture: Architecture) -> Ready | None:
        """Opens a trial for a given architecture, which may lie outside the space in some fields."""
        if self._seen.get(architecture.digest) is not None:
            return None
        proposal = self._store.ask_params(params_in(self._space, architecture), self._distributions)
        return self.judge_architecture(proposal.number, architecture)

    def reopen(self, trial: FrozenTrial) -> Ready | None:
        """Takes over a trial that an earlier run has left open; what it costs is known, if that run got so far."""
        architecture = Architecture.from_dict(trial.user_attrs["architecture"])
        if "costs" not in trial.user_attrs or self._seen.get(architecture.digest) is not None:
            return self.judge_architecture(trial.number, architecture)
        self._seen.put(architecture.digest, Entry(trial.number, "running"))
        return self._ready(trial.number, architecture, costs_of(trial))

    def judge(self, proposal: Proposal) -> Ready | None:
        """What a proposal is: an architecture to train, or None when it has been answered already."""
        try:
            architecture = self._space.sample(lambda name, _: proposal.params[name])
        except RefusedArchitecture as refusal:
            self._store.tell_infeasible(proposal.number, str(refusal), REFUSED_VIOLATION, refused=True)
            self._schedule.keep_away(proposal.number, proposal.params, REFUSED_VIOLATION)
            self._tell(TrialRecord(proposal.number, "refused", None, None, str(refusal)))
            return None
        return self.judge_architecture(proposal.number, architecture)

    def judge_architecture(self, number: int, architecture: Architecture) -> Ready | None:
        """The same for an architecture that is known, such as that of a trial which a killed search left open."""
        digest = architecture.digest
        entry = self._variants.twin(architecture, self._seen)
        params = params_in(self._space, architecture)
        if entry is not None and entry.number != number:
            self._answer_from(number, architecture, entry)
            return None
        excess = excess_before(architecture, self._costs, self._limits)
        costs = self._costs.cheap(architecture) if excess else self._costs(architecture)
        facts = {"architecture": architecture.as_dict(), "digest": digest, "estimated_bytes": costs.size_bytes}
        if excess is not None:
            self._refused_in_a_row += 1
            self._seen.put(digest, Entry(number, "over_budget", reason=excess.reason, violation=excess.violation))
            self._store.tell_infeasible(number, excess.reason, excess.violation, over_budget=True, **facts)
            self._schedule.keep_away(number, params, excess.violation)
            self._tell(TrialRecord(number, "over_budget", architecture, None, excess.reason))
            return None
        self._refused_in_a_row = 0
        self._store.note(number, **facts, costs=asdict(costs))
        self._seen.put(digest, Entry(number, "running"))
        return self._ready(number, architecture, costs)

    def still_missing(self, architecture: Architecture) -> tuple[str, ...]:
        """Further precisions to store a training of this architecture in: within the limits, and not there yet."""
        limits = {metric: most for metric, most in self._limits.items() if metric != "latency_ms"}  # measured on the file
        return tuple(
            other.precision
            for other in self._variants.of(architecture)
            if self._seen.get(other.digest) is None and excess_before(other, self._costs, limits) is None
        )

    def ready_sibling(self, ready: Ready, architecture: Architecture) -> Ready | None:
        """What the training of `ready` has given besides, under its number; None when it is known already."""
        if self._seen.get(architecture.digest) is not None:
            return None
        return self._ready(ready.number, architecture, self._costs.cheap(architecture))

    def settle(self, settled: Architecture) -> None:
        """Answers the trials that waited for this architecture's training to end."""
        trained = {settled.digest, *(other.digest for other in self._variants.of(settled))}
        for number, (architecture, of) in list(self._parked.items()):
            if architecture.digest not in trained:
                continue
            entry = self._variants.twin(architecture, self._seen)
            del self._parked[number]
            if entry is None or entry.fate == "running":
                self._store.tell_stopped(number, f"its twin, trial {of}, was not finished", duplicate_of=of)
            else:
                self._answer_from(number, architecture, entry)

    def abandon_parked(self) -> None:
        """Closes the trials that still wait for a twin, at the end of a search."""
        for number, (_, of) in self._parked.items():
            self._store.tell_stopped(number, f"its twin, trial {of}, was not finished", duplicate_of=of)
        self._parked.clear()

    def _ready(self, number: int, architecture: Architecture, costs: Costs) -> Ready:
        return Ready(number, architecture, costs, params_in(self._space, architecture), self._variants)

    def _answer_from(self, number: int, architecture: Architecture, entry: Entry) -> None:
        """Closes a trial with the result of an equal architecture."""
        if entry.fate == "running":
            self._store.note(number, architecture=architecture.as_dict(), digest=architecture.digest, duplicate_of=entry.number)
            self._parked[number] = (architecture, entry.number)
            return
        reason = f"equal to trial {entry.number}"
        facts = {"architecture": architecture.as_dict(), "digest": architecture.digest, "duplicate_of": entry.number}
        measurement = None
        if entry.candidate is not None:
            measurement = entry.candidate.measurement
            self._store.tell_complete(number, replace(entry.candidate, architecture=architecture), end_reason=reason, **facts)
        elif entry.fate == "over_budget":
            self._store.tell_infeasible(number, entry.reason, entry.violation, over_budget=True, **facts)
        elif entry.fate == "failed":
            self._store.tell_failed(number, f"{reason}, which failed: {entry.reason}", **facts)
        else:
            self._store.tell_stopped(number, f"{reason}, which was stopped", **facts)
        self._tell(TrialRecord(number, "duplicate", architecture, measurement, reason))

    def _unseen(self) -> dict[str, Choice] | Exhausted | Waiting:
        """Parameters of an architecture that has not been met yet; otherwise why there are none."""
        if self._space.size > ENUMERABLE:
            return Exhausted(self._advice())
        if self._rest is None:
            self._rest = iter(self._shuffled())
        for params in self._rest:
            try:
                architecture = self._space.sample(lambda name, _, p=params: p[name])
            except RefusedArchitecture:
                continue
            if self._variants.twin(architecture, self._seen) is None and self._fits(architecture):
                return params
        if self._parked:
            return Waiting()
        return Exhausted("every architecture of the space within the limits has been tried")

    def _advice(self) -> str:
        """Why a large space brings nothing new, and what would help."""
        found = []
        for metric in self._limits:
            if metric != "latency_ms":  # takes seconds an architecture
                least = smallest(self._space, self._costs.of(metric))
                found.append(f"{NAMES[metric]} {WRITE[metric](least)}")
        could = f"; the least this space could meet is {', '.join(found)}" if found and self._refused_in_a_row else ""
        return (
            f"{PATIENCE} proposals in a row brought no new architecture within the limits{could}; "
            f"raise a limit or open more choices in the space"
        )

    def _tell(self, record: TrialRecord) -> None:
        self._observer.trial_finished(record.number, record)

    def _fits(self, architecture: Architecture) -> bool:
        return excess_before(architecture, self._costs, self._limits) is None

    def _shuffled(self) -> list[dict[str, Choice]]:
        fields = self._space.open_fields
        everything = [
            dict(zip(fields, values, strict=True))
            for values in itertools.product(*(self._space.choices[field] for field in fields))
        ]
        random.Random(self._seed).shuffle(everything)
        return everything


def params_in(space: SearchSpace, architecture: Architecture) -> dict[str, Choice]:
    """The open fields of an architecture whose values the space has; a known model may lie outside it in others."""
    values = architecture.as_dict()
    return {name: values[name] for name in space.open_fields if values[name] in space.choices[name]}
