"""The sampler `front`: proposes what is expected to add most to the front, knowing costs exactly and learning from all rungs.

What Optuna's samplers are not told, this one uses:

- What a candidate's file weighs is known before it is trained. It is not guessed, and what is over a limit is not proposed.
- A training that was stopped early tells something about what it would have reached
  (`studies.samplers.front.multi_fidelity_gp`).
- Candidates that differ in a field which costs no training come together (`studies.samplers.front.precision_variants`): what
  one has reached early the others have, too, and what is worth finishing for one of them is.

A proposal is the candidate with the highest expected gain of hypervolume (`studies.samplers.front.ehvi`): of all in a small
space, of random ones and of neighbours of the best in a large one.

Decisions:
- Costs take milliseconds to work out. They are foretold, too, and worked out for the few best candidates only.
- The first ones are spread out (`studies.samplers.front.initial_design`).
- State is nothing but what was added, in any order.
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.random import Generator
from optuna.distributions import BaseDistribution
from scipy.special import ndtr

from studies.objectives.pareto import Point, Scale
from studies.samplers.front.encoding import Array, Row, SpaceEncoder, row_of
from studies.samplers.front.feasibility import Costs, Feasibility, Params
from studies.samplers.front.initial_design import InitialDesign, beginning
from studies.samplers.front.multi_fidelity_gp import Hyperparameters
from studies.samplers.front.observations import Observations, ObservationTable
from studies.samplers.front.precision_variants import Families
from studies.samplers.front.surrogate import Surrogate

OPEN = 0.7
"""What an epoch of something new counts, beside one of a training that goes on."""
WHOLE = 2000
"""A space of at most so many combinations is looked through as a whole."""
DRAWN, MOVED, PARENTS = 400, 600, 20
"""Candidates of a large space: random ones, neighbours of the best, and of how many of them."""
REACHES = (0.3, 0.1, 0.03, 0.01)
REFINED = 20
"""How many candidates of a large space are looked around again."""
KIN = 200
"""Of how many trainings the rest of the family is looked at: the best, since it takes milliseconds each."""
EXACT, ROUNDS, SURE = 4, 3, 250
"""Of how many candidates the costs are worked out at a time, and how often; of one at a time once so many costs are known that
others are foretold well."""


class FrontSampler:
    """Proposals by expected gain.

    Args:
        distributions: parameter to distribution; flat.
        directions: of the objectives, "maximize" or "minimize" each.
        seed: of its random numbers.
        rungs: epochs of each rung, rising.
        scales: of the objectives: "log" for those that span decades.
        exact: positions of the objectives that are known before training.
        costs: parameters to the values of those and whether they keep within all limits; None for what cannot be built.
        limits: the most that is allowed of some of those, by position.
        shared: a parameter of which one training gives every value, such as the precision that weights are stored in.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        directions: Sequence[str],
        seed: int = 0,
        rungs: Sequence[int] = (1,),
        scales: Sequence[Scale] | None = None,
        exact: Sequence[int] = (),
        costs: Costs | None = None,
        limits: Mapping[int, float] | None = None,
        shared: str | None = None,
    ) -> None:
        self._encoder = SpaceEncoder(distributions)
        self._maximised = [str(d).lower().endswith("maximize") for d in directions]
        self._scales = tuple(scales or ["linear"] * len(self._maximised))
        self._rungs, self._seed = tuple(rungs), seed
        self._beginning = beginning(rungs)[0]
        self._taken: set[Row] = set()
        self._feasibility = Feasibility(self._encoder, exact, costs, limits or {}, self._minimised, self._taken)
        self._first = InitialDesign(self._encoder, self._feasibility)
        self._families = Families(self._encoder, shared)
        self._records = Observations(self._encoder.fields, len(self._maximised), self._rungs)
        self._begun: set[Row] = set()
        self._trained: set[Row] = set()
        self._running: set[Row] = set()
        self._added = self._proposed = 0
        self._thought: tuple[Any, Surrogate, Row] | None = None
        self._fits = [Hyperparameters() for _ in self._maximised]
        self._everything = self._encoder.everything() if self._encoder.size <= WHOLE else None

    def add(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Notes what parameters have reached at a rung; see `PerRungSampler.add`."""
        if rung not in self._rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._rungs))}")
        row = self._encoder.encode(params)
        if row is None:
            return
        point = tuple(self._minimised(k, value) for k, value in enumerate(values))
        if not all(math.isfinite(value) for value in point):
            self._feasibility.turn_away(row)
            return
        self._added += 1
        family = self._families.whole([row])
        self._begun |= family
        self._taken |= family
        self._trained.add(self._families.name(row))
        self._records.add(row, rung, point)
        if self._feasibility.exact:
            self._feasibility.costs[row] = tuple(point[k] for k in self._feasibility.exact)

    def _kin(self, table: ObservationTable) -> dict[Row, dict[int, Point]]:
        """The rest of the families of the best: it is as far, and differs in what is known before training."""
        known, reached = self._feasibility, self._records.reached
        found: dict[Row, dict[int, Point]] = {}
        if self._families.single or not known.exact:
            return found
        for row in table.best(KIN).rows:
            early = {rung: point for rung, point in reached[row].items() if rung < self._rungs[-1]}
            for other in self._families.others(row) if early else ():
                if known.work_out(other):
                    costs = dict(zip(known.exact, known.costs[other], strict=True))
                    there = {rung: tuple(costs.get(k, x) for k, x in enumerate(point)) for rung, point in early.items()}
                    found[other] = there | found.get(other, reached.get(other, {}))
        return found

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Notes parameters that may not train, or cannot; by how much does not matter."""
        row = self._encoder.encode(params)
        if row is not None:
            self._feasibility.turn_away(row)

    def row(self, params: Params) -> Row | None:
        """What `worth_finishing` knows parameters by; None for models from outside the space, of which nothing is foretold."""
        return self._encoder.encode(params)

    def observations(self, rung: int) -> int:
        """How many different parameters have values at a rung."""
        return sum(rung in reached for reached in self._records.reached.values())

    def propose(self, running: Iterable[Params] = (), waiting: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try; a repetition only when a small space is used up.

        Args:
            running: parameters of trainings under way.
            waiting: of those that wait at a rung, which are known from what they have reached.
        """
        rows = (self._encoder.encode(params) for params in running)
        self._running = self._families.whole(row for row in rows if row is not None)
        row = self._next()[1]
        self._proposed += 1
        self._taken.add(row)
        return self._encoder.decode(row)

    def worth_finishing(self, paused: Sequence[Row], resumed: Iterable[Row] = (), beyond: bool = False) -> int | None:
        """Which of the trainings that wait at a rung is to go on before anything new is begun.

        The expected gain over what is trained to the end, by epoch left, is compared with that of the next proposal, whose
        epochs count `OPEN` times: it may be stopped early.

        Args:
            paused: their rows, see `row`.
            resumed: rows of those on their way up from a rung.
            beyond: whether one is to be named even if something new promises more.

        Returns:
            Position in `paused`; None when something new promises more, or too little is known.
        """
        surrogate, new = self._next()
        families = [(i, row) for i, one in enumerate(paused) for row in self._family(one) if surrogate.can_finish(row)]
        if not families:
            return None
        if not surrogate.ready:
            return families[0][0] if beyond else None
        going = [row for one in resumed for row in self._family(one)]
        worth, begun = surrogate.finishing([row for _, row in families], going, new)
        best = int(np.argmax(worth))
        early = len(self._trained) < self._beginning
        return families[best][0] if beyond or (not early and worth[best] >= begun / OPEN) else None

    def _family(self, row: Row) -> list[Row]:
        """A row and the rest of its family."""
        return [row, *self._families.others(row)]

    def _next(self) -> tuple[Surrogate, Row]:
        """What is believed, and the next proposal; remembered until something is added or proposed."""
        if self._thought is None or self._thought[0] != self.state:
            known, begun = self._feasibility, self._begun | self._running
            number = len(self._taken) + len(self._running - self._taken)
            by, table = np.random.default_rng([self._seed, number]), self._records.table()
            kin = self._kin(table)
            reached = ChainMap(kin, self._records.reached)
            running = sorted(row for row in self._running if row not in reached)
            surrogate = Surrogate(
                self._encoder,
                self._rungs,
                table.with_(kin, self._rungs),
                reached,
                known.costs,
                known.exact,
                running,
                self._fits,
            )
            taken = self._taken | self._running  # what the kin has turned away is among them
            picked = self._pick(surrogate, begun, taken, by)
            self._thought = (self.state, surrogate, picked)
        return self._thought[1:]

    @property
    def state(self) -> tuple[Any, ...]:
        """What is foretold and proposed stays the same as long as this does."""
        return self._added, len(self._feasibility.away), self._proposed, tuple(sorted(self._running))

    def _pick(self, surrogate: Surrogate, begun: Set[Row], taken: Set[Row], by: Generator) -> Row:
        candidates = self._candidates(surrogate, taken, by)
        if not len(candidates):
            return row_of(self._encoder.draw(1, by)[0])
        picked = None
        number = len(self._trained) + len({self._families.name(row) for row in self._running} - self._trained)
        if number >= self._beginning and surrogate.ready:
            picked = self._best(surrogate, candidates, taken, by)
        return picked if picked is not None else self._first.pick(candidates, sorted(begun), number, by)

    def _candidates(self, surrogate: Surrogate, taken: Set[Row], by: Generator) -> Array:
        if self._everything is not None:
            return _without(self._everything, taken)
        rows = [self._encoder.draw(DRAWN, by)]
        if surrogate.ready:
            best = surrogate.rows[np.argsort(surrogate.losses(), kind="stable")[:PARENTS]]
            rows.append(self._encoder.moved(best[by.integers(len(best), size=MOVED)], by, by.choice(REACHES, size=(MOVED, 1))))
        return _without(np.unique(np.concatenate(rows), axis=0), taken)

    def _best(self, surrogate: Surrogate, candidates: Array, taken: Set[Row], by: Generator) -> Row | None:
        """The candidate with the highest expected gain whose costs are known and allowed; None if all that promise are not."""
        surrogate.refer(surrogate.predict(candidates)[0])
        gains = self._gains(surrogate, candidates)
        if self._everything is None:
            around = candidates[np.argsort(-gains, kind="stable")[:REFINED].repeat(10)]
            more = self._encoder.moved(around, by, by.choice(REACHES[1:], size=(len(around), 1)))
            more = _without(np.unique(more, axis=0), taken)
            gains, candidates = np.append(gains, self._gains(surrogate, more)), np.concatenate([candidates, more])
        at_a_time = EXACT if len(self._feasibility.costs) < SURE else 1
        for _ in range(ROUNDS if self._feasibility.exact else 0):
            best = np.argsort(-gains, kind="stable")[:at_a_time]
            unknown = [i for i in best if row_of(candidates[i]) not in self._feasibility.costs]
            if not unknown:
                break
            allowed = [i for i in unknown if self._feasibility.work_out(row_of(candidates[i]))]
            gains[unknown] = 0.0
            gains[allowed] = self._gains(surrogate, candidates[allowed])
        row = row_of(candidates[int(np.argmax(gains))])
        return row if gains.max() > 0 and self._feasibility.work_out(row) else None

    def _gains(self, surrogate: Surrogate, rows: Array) -> Array:
        """(n,) expected gains, less as far as it is doubtful that these may train."""
        means, deviations = surrogate.predict(rows)
        gains = surrogate.gains(means, deviations) * self._feasibility.trust(rows, self._records.table().rows)
        for k, limit in self._feasibility.limits.items():
            gains *= ndtr((limit - means[:, k]) / np.maximum(deviations[:, k], 1e-9))
        return gains

    def _minimised(self, k: int, value: float) -> float:
        if self._scales[k] == "log":
            return (-1.0 if self._maximised[k] else 1.0) * (math.log(value) if value > 0 else -700.0)
        return 1.0 - value if self._maximised[k] else float(value)


def _without(rows: Array, taken: Set[Row]) -> Array:
    kept = [i for i, row in enumerate(map(tuple, rows.tolist())) if row not in taken]
    return rows[kept]
