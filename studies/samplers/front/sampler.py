"""The sampler `front`: multi-objective, multi-fidelity Bayesian optimisation with costs that are known before training.

What Optuna's samplers do not use, this one does:

- The size of a candidate's file is known before it is trained: it is not predicted, and nothing over a limit is proposed.
- A training that was stopped early says something about its final value (`studies.samplers.front.multi_fidelity_gp`).
- One training yields several precision variants (`studies.samplers.front.precision_variants`): an observation of one is an
  observation of all.

The acquisition function (`FrontSampler._acquisition`) is the expected hypervolume improvement (`studies.samplers.front.ehvi`)
times the probability that a candidate is feasible and within the limits. A proposal maximises it over all candidates of a small
space, or over random candidates and neighbours of the best ones in a large space.

Decisions:
- Costs take milliseconds to compute, so they are predicted too, and computed for the few best candidates only.
- The first proposals are those that are known to do well, if any, and then space-filling ones
  (`studies.samplers.front.initial_design`).
- The state is the set of observations, in any order.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.random import Generator
from optuna.distributions import BaseDistribution
from scipy.special import ndtr

from studies.objectives.pareto import Array, Scale
from studies.samplers.front.ancestry import Ancestry
from studies.samplers.front.candidates import Candidates
from studies.samplers.front.encoding import Row, SpaceEncoder, to_row
from studies.samplers.front.equal_candidates import EqualCandidates
from studies.samplers.front.feasibility import CostFunction, Feasibility, Params
from studies.samplers.front.first_candidates import FirstCandidates
from studies.samplers.front.initial_design import MAX_SIZE, InitialDesign, initial_design_size
from studies.samplers.front.multi_fidelity_gp import HyperparameterCache
from studies.samplers.front.observations import Observations
from studies.samplers.front.precision_variants import VariantGroups, observations_of_variants
from studies.samplers.front.surrogate import Surrogate
from studies.samplers.front.training_cost import EpochCost, TrainingCost

NEW_TRIAL_DISCOUNT = 0.7
"""Cost of an epoch of a new trial relative to one of a resumed trial: a new trial may be stopped early."""
COST_BATCH = 4
"""Number of best candidates whose costs are computed before they are ranked again."""
COST_ROUNDS = 3
"""Most such rounds of a proposal; after them it is the best candidate that may train."""
MOST_REFUSED = 60
"""Most rounds in all: where most candidates cannot be built, the best that can be is further down the ranking."""
ENOUGH_COSTS = 250
"""Once so many costs are known, the others are predicted well, and they are computed for one candidate at a time."""


class FrontSampler:
    """Proposes the candidate with the highest expected hypervolume improvement. A `studies.samplers.base.Sampler`.

    Args:
        distributions: parameter to distribution; flat.
        directions: "maximize" or "minimize" for each objective.
        seed: of the random numbers.
        rungs: epochs of each rung, rising; the last is a full training.
        scales: "log" for objectives that span decades, otherwise "linear"; None is linear for all.
        known_objectives: positions of the objectives that are known before training.
        costs: computes those, and whether all limits are kept; None: nothing is known before training.
        limits: position to the highest allowed value, for some of those.
        variant_parameter: a parameter of which one training yields every value, such as the precision of stored weights.
        epoch_cost: what an epoch of a training costs, such as its seconds: improvements count per cost. None: 1 for all.
        initial_trainings: most trainings of the initial design; None: as many as the rungs suggest.
        parameter_scales: see `SpaceEncoder`.
        ancestry: how much training each network inherits; None: all begin alike.
        unused: names of the parameters that have no effect beside the others; None: there are none.
        first: candidates to propose before all others, see `FirstCandidates`.
        best_values: position to the best value that an objective can have, such as 1 for an accuracy.

    Attributes:
        candidates: among which a proposal is looked for.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        directions: Sequence[str],
        seed: int = 0,
        rungs: Sequence[int] = (1,),
        scales: Sequence[Scale] | None = None,
        known_objectives: Sequence[int] = (),
        costs: CostFunction | None = None,
        limits: Mapping[int, float] | None = None,
        variant_parameter: str | None = None,
        epoch_cost: EpochCost | None = None,
        initial_trainings: int | None = None,
        parameter_scales: Mapping[str, Scale] | None = None,
        ancestry: Ancestry | None = None,
        unused: Callable[[Params], Collection[str]] | None = None,
        first: Sequence[Sequence[Params]] = (),
        best_values: Mapping[int, float] | None = None,
    ) -> None:
        self._encoder = SpaceEncoder(distributions, parameter_scales)
        self._maximized = [str(d).lower().endswith("maximize") for d in directions]
        self._scales = tuple(scales or ["linear"] * len(self._maximized))
        best = {k: self._to_minimized(k, value) for k, value in (best_values or {}).items()}
        self._lowest = [best.get(k, -math.inf) for k in range(len(self._maximized))]
        self._of_surrogate = ancestry, variant_parameter
        self._rungs, self._seed = tuple(rungs), seed
        self._initial_size = min(initial_design_size(rungs)[0], initial_trainings or MAX_SIZE)
        self._taken: set[Row] = set()
        self._feasibility = Feasibility(self._encoder, known_objectives, costs, limits or {}, self._to_minimized, self._taken)
        self._variants = VariantGroups(self._encoder, variant_parameter)
        self._equal, self._first = EqualCandidates(self._encoder, unused), FirstCandidates(self._encoder, first)
        self._cost = TrainingCost(self._encoder, self._variants.first_variant, epoch_cost)
        self._initial_design = InitialDesign(self._encoder, self._feasibility, self._cost)
        self._observations = Observations(self._encoder.fields, len(self._maximized), self._rungs)
        self._begun, self._trained, self._running = set[Row](), set[Row](), set[Row]()
        self._observed = self._proposed = 0
        self._memo: tuple[Any, Surrogate, Row] | None = None
        self._caches = [HyperparameterCache() for _ in self._maximized]
        self.candidates = Candidates(self._encoder)

    def observe(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Adds what a training has reached at a rung; see `studies.samplers.base.Sampler.observe`."""
        if rung not in self._rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._rungs))}")
        row = self._encoder.encode(params)
        if row is None:
            return
        point = tuple(self._to_minimized(k, value) for k, value in enumerate(values))
        if not all(math.isfinite(value) for value in point):
            self._feasibility.mark_infeasible(row)
            return
        self._observed += 1
        variants = self._variants.with_variants([row])
        self._begun |= variants
        self._taken |= self._variants.with_variants(self._equal.of([row]))
        self._trained.add(self._variants.training_of(row))
        self._observations.add(row, rung, point)
        if self._feasibility.known_objectives:
            self._feasibility.costs[row] = tuple(point[k] for k in self._feasibility.known_objectives)

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Adds parameters that may not train, or cannot; by how much (`violation`) does not matter here."""
        row = self._encoder.encode(params)
        if row is not None:
            self._feasibility.mark_infeasible(row)

    def encode(self, params: Params) -> Row | None:
        """The row that `best_to_resume` takes; None for models from outside the space, of which nothing is predicted."""
        return self._encoder.encode(params)

    def observations(self, rung: int) -> int:
        """Number of different parameters that have values at a rung."""
        return sum(rung in reached for reached in self._observations.reached.values())

    def propose(self, running: Iterable[Params] = (), suspended: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try; see `studies.samplers.base.Sampler.propose`.

        Args:
            running: parameters of running trainings.
            suspended: of those that wait at a rung; they were observed there, so nothing more is needed of them.
        """
        rows = (self._encoder.encode(params) for params in running)
        self._running = self._variants.with_variants(row for row in rows if row is not None)
        row = self._model_and_proposal()[1]
        self._proposed += 1
        self._taken |= self._equal.of([row])
        return self._encoder.decode(row)

    def best_to_resume(self, paused: Sequence[Row], resumed: Iterable[Row] = (), force: bool = False) -> int | None:
        """The suspended training that should be resumed before anything new is started.

        Compares the expected improvement over what is fully trained, per epoch left, with that of the next proposal, whose
        epochs cost `NEW_TRIAL_DISCOUNT` each. With an `epoch_cost` each training counts with what it has reached, improvements
        are those over all of that, and epochs cost so much.

        Args:
            paused: rows of the suspended trainings, see `encode`.
            resumed: rows of those on their way up from a rung.
            force: name the best one even if something new promises more.

        Returns:
            Position in `paused`; None when something new promises more, or too little is known.
        """
        surrogate, new = self._model_and_proposal()
        options = [(i, row) for i, one in enumerate(paused) for row in self._all_variants(one) if surrogate.can_finish(row)]
        if not options:
            return None
        if not surrogate.ready:
            return options[0][0] if force else None
        resumed_rows = [row for one in resumed for row in self._all_variants(one)]
        rows = [row for _, row in options]
        improvement = surrogate.improvement_rate if self._cost.differs else surrogate.improvement_per_epoch
        gains, gain_of_new = improvement(rows, resumed_rows, new)
        costs = self._cost.computed([*rows, new])
        gains, gain_of_new = gains / costs[:-1], gain_of_new / costs[-1]
        best = int(np.argmax(gains))
        initial = len(self._trained) < self._initial_size
        return options[best][0] if force or (not initial and gains[best] >= gain_of_new / NEW_TRIAL_DISCOUNT) else None

    @property
    def version(self) -> tuple[Any, ...]:
        """Predictions and proposals stay the same as long as this does."""
        known = self._observed, len(self._feasibility.infeasible), self._proposed
        return *known, self.candidates.near_front, tuple(sorted(self._running))

    def _all_variants(self, row: Row) -> list[Row]:
        return [row, *self._variants.others(row)]

    def _model_and_proposal(self) -> tuple[Surrogate, Row]:
        """The surrogate and the next proposal; kept until something is observed or proposed."""
        if self._memo is None or self._memo[0] != self.version:
            known, begun = self._feasibility, self._begun | self._running
            number = len(self._taken) + len(self._running - self._taken)
            rng, table = np.random.default_rng([self._seed, number]), self._observations.table()
            variants = observations_of_variants(table, self._observations.reached, self._variants, known, self._rungs[-1])
            reached = ChainMap(variants, self._observations.reached)
            running = sorted(row for row in self._running if row not in reached)
            known_of = known.costs, known.known_objectives
            merged, infeasible = table.merged(variants, self._rungs), known.infeasible
            data = merged, reached, *known_of, running, self._caches
            surrogate = Surrogate(self._encoder, self._rungs, *data, *self._of_surrogate, infeasible, self._lowest)
            taken = self._taken | self._running  # after the variants: those found infeasible are among them
            row = self._next_row(surrogate, begun, taken, rng)
            self._memo = (self.version, surrogate, row)
        return self._memo[1:]

    def _next_row(self, surrogate: Surrogate, begun: Set[Row], taken: Set[Row], rng: Generator) -> Row:
        if (first := self._first.next(taken - self._feasibility.refused, self._feasibility.check)) is not None:
            return first
        candidates = self.candidates.rows(surrogate, taken, rng)
        if not len(candidates):
            return to_row(self._encoder.sample(1, rng)[0])
        proposal = None
        number = len(self._trained) + len({self._variants.training_of(row) for row in self._running} - self._trained)
        if number >= self._initial_size and surrogate.ready:
            proposal = self._best_candidate(surrogate, candidates, taken, rng)
        return proposal if proposal is not None else self._initial_design.select(candidates, sorted(begun), number, rng)

    def _best_candidate(self, surrogate: Surrogate, candidates: Array, taken: Set[Row], rng: Generator) -> Row | None:
        """The candidate with the highest acquisition whose costs are known and allowed; None if no promising one is allowed."""
        surrogate.extend_range(surrogate.predict(candidates)[0])
        scores = self._acquisition(surrogate, candidates)
        if len(more := self.candidates.refined(candidates, scores, taken, rng)):
            scores, candidates = np.append(scores, self._acquisition(surrogate, more)), np.concatenate([candidates, more])
        for number in range(MOST_REFUSED):
            many = number < COST_ROUNDS and len(self._feasibility.costs) < ENOUGH_COSTS
            best = np.argsort(-scores, kind="stable")[: COST_BATCH if many else 1]
            unknown = [i for i in best if to_row(candidates[i]) not in self._feasibility.costs]
            if self._feasibility.known_objectives and unknown and number < COST_ROUNDS:
                allowed = [i for i in unknown if self._feasibility.check(to_row(candidates[i]))]
                self._cost.learn(to_row(candidates[i]) for i in allowed)
                scores[unknown] = 0.0
                scores[allowed] = self._acquisition(surrogate, candidates[allowed])
                continue
            if scores[best[0]] <= 0:
                return None
            if self._feasibility.check(row := to_row(candidates[best[0]])):
                return row
            scores[best[0]] = 0.0
        return None

    def _acquisition(self, surrogate: Surrogate, rows: Array) -> Array:
        """The acquisition function, (n,): EHVI times the probability of feasibility, divided by the cost of an epoch."""
        means, stds = surrogate.predict(rows)
        scores = surrogate.expected_improvement(means, stds) * self._feasibility.probability(
            rows, self._observations.table().rows
        )
        for k, limit in self._feasibility.limits.items():
            scores *= ndtr((limit - means[:, k]) / np.maximum(stds[:, k], 1e-9))
        return self._cost.per_cost(scores, rows)

    def _to_minimized(self, k: int, value: float) -> float:
        """A value of objective k as it is modelled: to be minimised, on a linear scale."""
        if self._scales[k] == "log":
            return (-1.0 if self._maximized[k] else 1.0) * (math.log(value) if value > 0 else -700.0)
        return 1.0 - value if self._maximized[k] else float(value)
