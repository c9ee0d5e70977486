"""The sampler `front`: proposes what is expected to add most to the front, knowing costs exactly and learning from all rungs.

What Optuna's samplers are not told, this one uses:

- What a candidate's file weighs is known before it is trained. It is not guessed, and what is over a limit is not proposed.
- A training that was stopped early tells something about what it would have reached (`studies.rung_chain`).

A proposal is the candidate with the highest expected gain of hypervolume (`studies.expected_gains`): of all in a small space,
of random ones and of neighbours of the best in a large one.

Decisions:
- Costs take milliseconds to work out. They are foretold, too, and worked out for the few best candidates only.
- The first ones are spread out: over the logarithm of the costs, and far apart in the space.
- State is nothing but what was added, in any order.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from typing import Any

import numpy as np
from numpy.random import Generator
from optuna.distributions import BaseDistribution
from scipy.special import ndtr

from studies.beliefs import Beliefs, chain_of_costs
from studies.cube import Array, Cube, Row
from studies.pareto import Point, Scale
from studies.rung_chain import Fits

Params = Mapping[str, Any]
Costs = Callable[[Params], tuple[Sequence[float], bool] | None]

OPEN = 0.7
"""What an epoch of something new counts, beside one of a training that goes on."""
FEW, MANY, LOOKS = 3, 8, 4
"""How many are spread out at first: where all are trained to the end, and at most; a quarter of a training may be spent."""
WHOLE = 2000
"""A space of at most so many combinations is looked through as a whole."""
DRAWN, MOVED, PARENTS = 400, 600, 20
"""Candidates of a large space: random ones, neighbours of the best, and of how many of them."""
REACHES = (0.3, 0.1, 0.03, 0.01)
REFINED = 20
"""How many candidates of a large space are looked around again."""
EXACT, ROUNDS = 4, 3
"""Of how many candidates the costs are worked out at a time, and how often."""
SPREAD_POOL, INNER = 96, 3
"""Of how many the first ones are picked, and how many of these keep away from the edges of a space without costs."""
LOOKED_AT, TRIED = 12, 8
"""Of how many candidates the costs are worked out before the first proposal, and of how many to find one that may train."""
TARGETS = (0.4, 0.1, 0.7, 0.25, 0.55, 0.0, 0.85, 0.3)
"""Where the first ones lie in the range of the logarithm of the costs."""
NEAR_MISSES = 0.3
"""How far around what could not train its neighbours are doubted, in the unit cube."""


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
    ) -> None:
        self._cube = Cube(distributions)
        self._maximised = [str(d).lower().endswith("maximize") for d in directions]
        self._scales = tuple(scales or ["linear"] * len(self._maximised))
        self._rungs, self._seed = tuple(rungs), seed
        self._beginning = beginning(rungs)[0]
        self._exact: tuple[int, ...] = tuple(exact) if costs is not None else ()
        self._costs_of = costs
        self._limits = {k: self._minimised(k, limit) for k, limit in (limits or {}).items() if k in self._exact}
        self._reached: dict[Row, dict[int, Point]] = {}
        self._costs: dict[Row, tuple[float, ...]] = {}
        self._away: set[Row] = set()
        self._proposed: set[Row] = set()
        self._running: set[Row] = set()
        self._news = 0
        self._thought: tuple[Any, Beliefs, Row] | None = None
        self._fits = [Fits() for _ in self._maximised]
        self._everything = self._cube.everything() if self._cube.size <= WHOLE else None

    def add(self, params: Params, rung: int, values: Sequence[float]) -> None:
        """Notes what parameters have reached at a rung; see `studies.rung_views.RungViews.add`."""
        if rung not in self._rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._rungs))}")
        row = self._cube.encode(params)
        if row is None:
            return
        point = tuple(self._minimised(k, value) for k, value in enumerate(values))
        if not all(math.isfinite(value) for value in point):
            self._put_away(row)
            return
        self._news += 1
        self._reached.setdefault(row, {}).setdefault(rung, point)
        if self._exact:
            self._costs[row] = tuple(point[k] for k in self._exact)

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        """Notes parameters that may not train, or cannot; by how much does not matter."""
        row = self._cube.encode(params)
        if row is not None:
            self._put_away(row)

    def knows(self, params: Params) -> bool:
        """Whether anything can be foretold of parameters: not of models from outside the space."""
        return self._cube.encode(params) is not None

    def observations(self, rung: int) -> int:
        """How many different parameters have values at a rung."""
        return sum(rung in reached for reached in self._reached.values())

    def propose(self, running: Iterable[Params] = ()) -> dict[str, Any]:
        """The next parameters to try; a repetition only when a small space is used up.

        Args:
            running: parameters of trainings under way.
        """
        self._running = {row for params in running if (row := self._cube.encode(params)) is not None}
        row = self._next()[1]
        self._proposed.add(row)
        return self._cube.decode(row)

    def worth_finishing(self, paused: Sequence[Params], resumed: Iterable[Params] = (), beyond: bool = False) -> int | None:
        """Which of the trainings that wait at a rung is to go on before anything new is begun.

        The expected gain over what is trained to the end, by epoch left, is compared with that of the next proposal, whose
        epochs count `OPEN` times: it may be stopped early.

        Args:
            paused: their parameters.
            resumed: parameters of those on their way up from a rung.
            beyond: whether one is to be named even if something new promises more.

        Returns:
            Position in `paused`; None when something new promises more, or too little is known.
        """
        rows = [self._cube.encode(params) or () for params in paused]
        places = [i for i, row in enumerate(rows) if row in self._reached]
        if not places:
            return None
        beliefs, new = self._next()
        if not beliefs.ready:
            return places[0] if beyond else None
        going = [row for params in resumed if (row := self._cube.encode(params)) in self._reached]
        worth, begun = beliefs.finishing([rows[i] for i in places], going, new)
        best = int(np.argmax(worth))
        early = len(self._reached) < self._beginning
        return places[best] if beyond or (not early and worth[best] >= begun / OPEN) else None

    def _next(self) -> tuple[Beliefs, Row]:
        """What is believed, and the next proposal; remembered until something is added or proposed."""
        running = sorted(self._running - self._reached.keys())
        begun = self._reached.keys() | self._running
        taken = begun | self._away | self._proposed
        state = (self._news, len(taken), tuple(running))
        if self._thought is None or self._thought[0] != state:
            by = np.random.default_rng([self._seed, len(taken)])
            beliefs = Beliefs(self._cube, self._rungs, self._reached, self._costs, self._exact, running, self._fits)
            self._thought = (state, beliefs, self._pick(beliefs, begun, taken, by))
        return self._thought[1:]

    def _pick(self, beliefs: Beliefs, begun: Set[Row], taken: Set[Row], by: Generator) -> Row:
        candidates = self._candidates(beliefs, taken, by)
        if not len(candidates):
            return _row(self._cube.draw(1, by)[0])
        picked = None
        if len(begun) >= self._beginning and beliefs.ready:
            picked = self._best(beliefs, candidates, taken, by)
        return picked if picked is not None else self._spread(candidates, sorted(begun), by)

    def _candidates(self, beliefs: Beliefs, taken: Set[Row], by: Generator) -> Array:
        if self._everything is not None:
            return _without(self._everything, taken)
        rows = [self._cube.draw(DRAWN, by)]
        if beliefs.ready:
            best = beliefs.rows[np.argsort(beliefs.losses(), kind="stable")[:PARENTS]]
            rows.append(self._cube.moved(best[by.integers(len(best), size=MOVED)], by, by.choice(REACHES, size=(MOVED, 1))))
        return _without(np.unique(np.concatenate(rows), axis=0), taken)

    def _best(self, beliefs: Beliefs, candidates: Array, taken: Set[Row], by: Generator) -> Row | None:
        """The candidate with the highest expected gain whose costs are known and allowed; None if all that promise are not."""
        beliefs.refer(beliefs.predict(candidates)[0])
        gains = self._gains(beliefs, candidates)
        if self._everything is None:
            around = candidates[np.argsort(-gains, kind="stable")[:REFINED].repeat(10)]
            more = self._cube.moved(around, by, by.choice(REACHES[1:], size=(len(around), 1)))
            more = _without(np.unique(more, axis=0), taken)
            gains, candidates = np.append(gains, self._gains(beliefs, more)), np.concatenate([candidates, more])
        for _ in range(ROUNDS if self._exact else 0):
            best = np.argsort(-gains, kind="stable")[:EXACT]
            unknown = [i for i in best if _row(candidates[i]) not in self._costs]
            if not unknown:
                break
            allowed = [i for i in unknown if self._work_out(_row(candidates[i]))]
            gains[unknown] = 0.0
            gains[allowed] = self._gains(beliefs, candidates[allowed])
        row = _row(candidates[int(np.argmax(gains))])
        return row if gains.max() > 0 and self._work_out(row) else None

    def _gains(self, beliefs: Beliefs, rows: Array) -> Array:
        """(n,) expected gains, less as far as it is doubtful that these may train."""
        means, deviations = beliefs.predict(rows)
        gains = beliefs.gains(means, deviations) * self._trust(rows)
        for k, limit in self._limits.items():
            gains *= ndtr((limit - means[:, k]) / np.maximum(deviations[:, k], 1e-9))
        return gains

    def _spread(self, candidates: Array, begun: Sequence[Row], by: Generator) -> Row:
        """One that fills a gap: in the range of the costs where there are any, and in the space."""
        pool = candidates[by.permutation(len(candidates))[:SPREAD_POOL]]
        points = self._cube.points(pool)
        room = np.full(len(pool), math.inf)
        if self._exact:
            self._look_at_costs(pool)
            room = self._near_target(pool, len(begun))
        elif len(begun) < INNER:
            room = 2.0 * np.minimum(points, 1.0 - points).min(axis=1, initial=1.0)
        if begun:
            others = self._cube.points(np.array(begun))
            room = np.minimum(room, np.sqrt(((points[:, None] - others[None]) ** 2).sum(axis=2)).min(axis=1))
        order = np.argsort(-room, kind="stable")
        allowed = (row for i in order[:TRIED] if self._work_out(row := _row(pool[i])))
        return next(allowed, _row(pool[order[0]]))

    def _look_at_costs(self, pool: Array) -> None:
        """Works the costs of some candidates out, so that those of others can be foretold."""
        for row in pool[: LOOKED_AT - len(self._costs)] if len(self._costs) < LOOKED_AT else ():
            self._work_out(_row(row))

    def _near_target(self, pool: Array, number: int) -> Array:
        """(n,) infinite for the candidates whose costs are nearest to where the next of the first ones is to be, else 0."""
        points = self._cube.points(pool)
        chains = [chain_of_costs(self._cube, self._costs, place) for place in range(len(self._exact))]
        costs = np.stack([chain.predict(points)[0] for chain in chains], axis=1)
        fits = np.ones(len(pool), dtype=bool)
        for k, limit in self._limits.items():
            fits &= costs[:, self._exact.index(k)] <= limit
        low, high = costs[fits].min(axis=0, initial=math.inf), costs[fits].max(axis=0, initial=-math.inf)
        place = ((costs - low) / np.where(high > low, high - low, 1.0)).mean(axis=1)
        off = np.where(fits, np.abs(place - TARGETS[number % len(TARGETS)]), math.inf)
        room = np.zeros(len(pool))
        room[np.argsort(off, kind="stable")[: max(4, len(pool) // 8)]] = math.inf
        return room

    def _work_out(self, row: Row) -> bool:
        """Works the costs of a candidate out, unless that was done; whether it may train."""
        if self._costs_of is None or row in self._costs:
            return row not in self._away
        if row in self._away:
            return False
        found = self._costs_of(self._cube.decode(row))
        if found is None:
            self._put_away(row)
            return False
        values, fits = found
        self._costs[row] = tuple(self._minimised(k, value) for k, value in zip(self._exact, values, strict=True))
        if not fits:
            self._put_away(row)
        return fits

    def _put_away(self, row: Row) -> None:
        self._news += row not in self._away
        self._away.add(row)

    def _trust(self, rows: Array) -> Array:
        """(n,) how likely it is that these may train, from those around that could not."""
        if not self._away or not self._reached:
            return np.ones(len(rows))
        points = self._cube.points(rows)

        def near(others: Iterable[Row]) -> Array:
            at = self._cube.points(np.array(sorted(others)))
            close: Array = np.exp(-((points[:, None] - at[None]) ** 2).sum(axis=2) / (2 * NEAR_MISSES**2)).sum(axis=1)
            return close

        return (near(self._reached) + 0.1) / (near(self._reached) + near(self._away) + 0.1)

    def _minimised(self, k: int, value: float) -> float:
        if self._scales[k] == "log":
            return (-1.0 if self._maximised[k] else 1.0) * (math.log(value) if value > 0 else -700.0)
        return 1.0 - value if self._maximised[k] else float(value)


def beginning(rungs: Sequence[int]) -> tuple[int, int]:
    """How many are spread out over the space at first, and how many of them are trained straight to the end.

    Where the first rung comes early, many can be looked at for a fraction of a training, and one finished one will do.
    """
    looks = round(rungs[-1] / rungs[0] / LOOKS) if len(rungs) > 1 else 0
    return (min(MANY, 1 + looks), 1) if looks > FEW else (FEW, FEW)


def _row(values: Array) -> Row:
    row: Row = tuple(values.tolist())
    return row


def _without(rows: Array, taken: Set[Row]) -> Array:
    kept = [i for i, row in enumerate(map(tuple, rows.tolist())) if row not in taken]
    return rows[kept]
