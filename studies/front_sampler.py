"""The sampler `front`: proposes what is expected to add most to the front, knowing costs exactly and learning from all rungs.

What Optuna's samplers are not told, this one uses:

- What a candidate's file weighs is known before it is trained. It is not guessed, and what is over a limit is not proposed.
- A training that was stopped early tells something about what it would have reached (`studies.rung_chain`).

A proposal is the candidate with the highest expected gain of hypervolume (`studies.expected_gains`): of all in a small space,
of random ones and of neighbours of the best in a large one. Trainings under way count as if they had reached what is
foretold of them.

Decisions:
- Costs take milliseconds to work out. In a large space they are foretold, too, and worked out for the few best candidates.
- The first `BEGINNING` are spread out: over the logarithm of the costs, and as far apart in the space as possible.
- State is nothing but what was added, in any order.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution

from studies.coding import Coding, Cube, Key, Params, key_of
from studies.expected_gains import expected_gains
from studies.gaussian import Array
from studies.pareto import Point, Scale, front_numbers
from studies.rung_chain import MOST, Chain, Fits, Reached

Known = Sequence[float | None]
"""Of each objective the value that is known before training, None for what has to be learnt."""

BEGINNING = 3
WHOLE = 1500
"""A space of at most so many combinations is looked through as a whole."""
DRAWN, MOVED = 500, 700
"""Candidates of a large space: random ones, and neighbours of the best."""
EXACT = 12
"""Of how many candidates of a large space the costs are worked out."""
MARGIN = 0.1
"""The reference lies so much beyond the worst of the front, in shares of its extent."""


class FrontSampler:
    """Proposes by expected gain.

    Args:
        distributions: parameter to distribution.
        directions: of the objectives, "maximize" or "minimize" each.
        seed: of its random numbers.
        rungs: epochs of each rung, rising.
        scales: of the objectives: "log" for those that span decades.
        known: parameters to what is known of each objective before training; None for what may not train. None: nothing is.
    """

    def __init__(
        self,
        distributions: Mapping[str, BaseDistribution],
        directions: Sequence[str],
        seed: int = 0,
        rungs: Sequence[int] = (1,),
        scales: Sequence[Scale] = ("linear", "log"),
        known: Callable[[Params], Known | None] | None = None,
    ) -> None:
        self._coding = Coding(distributions)
        self._cube = Cube(self._coding.distributions)
        self._signs = [-1.0 if str(d).lower().endswith("maximize") else 1.0 for d in directions]
        self._rungs, self._scales, self._known, self._seed = tuple(rungs), tuple(scales), known, seed
        self._reached: dict[Key, dict[int, Point]] = {}  # minimised, logarithms where the scale says so
        self._coded: dict[Key, dict[str, Any]] = {}
        self._away: dict[Key, float] = {}
        self._costs: dict[Key, tuple[float | None, ...] | None] = {}
        self._fits = [Fits() for _ in directions]
        self._everything: list[dict[str, Any]] | None = None
        if self._cube.size <= WHOLE:
            self._everything = list(self._cube.everything())

    def add(self, params: Params, rung: int, values: Sequence[float]) -> None:
        if rung not in self._rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self._rungs))}")
        coded = self._coding.encode(params)
        if coded is None:
            return
        if not all(math.isfinite(value) for value in values):
            self.add_infeasible(params)
            return
        key = key_of(coded)
        self._coded[key] = coded
        self._reached.setdefault(key, {}).setdefault(rung, self._minimised(values))

    def add_infeasible(self, params: Params, violation: float = 1.0) -> None:
        coded = self._coding.encode(params)
        if coded is not None:
            self._away[key_of(coded)] = violation

    def propose(self, running: Iterable[Params] = ()) -> dict[str, Any]:
        under_way = {key_of(c): c for params in running if (c := self._coding.encode(params)) is not None}
        taken = self._reached.keys() | self._away.keys() | under_way.keys()
        by = random.Random(f"{self._seed}/{len(taken)}")
        model = _Model(self, under_way)
        candidates = self._candidates(model, taken, by)
        if not candidates:
            return self._coding.decode(self._cube.draw(by))
        if len(taken - self._away.keys()) < BEGINNING or not model.ready:
            return self._coding.decode(self._far(candidates, taken, by))
        return self._coding.decode(self._best(model, candidates, taken, by))

    # ---
    def _minimised(self, values: Sequence[float]) -> Point:
        return tuple(
            math.log(max(v, 1e-300)) if scale == "log" else sign * v
            for v, sign, scale in zip(values, self._signs, self._scales, strict=True)
        )

    def costs(self, coded: dict[str, Any]) -> tuple[float | None, ...] | None:
        key = key_of(coded)
        if key not in self._costs:
            known = [None] * len(self._signs) if self._known is None else self._known(self._coding.decode(coded))
            self._costs[key] = None if known is None else tuple(
                None if v is None else self._minimised([v if j == i else 1.0 for j in range(len(self._signs))])[i]
                for i, v in enumerate(known)
            )
        return self._costs[key]

    def _candidates(self, model: _Model, taken: Any, by: random.Random) -> list[dict[str, Any]]:
        if self._everything is not None:
            return [c for c in self._everything if key_of(c) not in taken]
        found = {}
        for _ in range(DRAWN):
            c = self._cube.draw(by)
            found[key_of(c)] = c
        parents = model.best_known()
        if parents:
            for i in range(MOVED):
                c = self._cube.moved(by.choice(parents), by, (0.3, 0.1, 0.03, 0.01)[i % 4])
                found[key_of(c)] = c
        return [c for k, c in found.items() if k not in taken]

    def _far(self, candidates: list[dict[str, Any]], taken: Any, by: random.Random) -> dict[str, Any]:
        """Early ones: spread over the costs, then over the space."""
        number = len(taken - self._away.keys())
        pool = by.sample(candidates, min(len(candidates), 60 if self._everything is None else 400))
        pool = [c for c in pool if self.costs(c) is not None] or pool
        costs = [self.costs(c) for c in pool]
        known = [i for i in range(len(self._signs)) if costs[0] and costs[0][i] is not None]
        if known:
            values = np.array([[c[i] for i in known] for c in costs])
            low, high = values.min(axis=0), values.max(axis=0)
            unit = ((values - low) / np.where(high > low, high - low, 1.0)).mean(axis=1)
            target = (0.4, 0.1, 0.7, 0.25, 0.55)[number % 5]
            order = np.argsort(np.abs(unit - target), kind="stable")[: max(5, len(pool) // 12)]
            pool = [pool[i] for i in order]
        met = [self._coded[k] for k in self._reached]
        if not met:
            return by.choice(pool)
        a, b = self._cube.points(pool), self._cube.points(met)
        nearest = ((a[:, None] - b[None]) ** 2).sum(axis=2).min(axis=1)
        return pool[int(np.argmax(nearest))]

    def _best(self, model: _Model, candidates: list[dict[str, Any]], taken: Any, by: random.Random) -> dict[str, Any]:
        gains = model.gains(candidates)
        if self._everything is None:
            for _ in range(2):
                order = np.argsort(-gains, kind="stable")[:20]
                more = {}
                for i in order:
                    for reach in (0.05, 0.02, 0.005):
                        c = self._cube.moved(candidates[i], by, reach)
                        if key_of(c) not in taken:
                            more[key_of(c)] = c
                more = [c for k, c in more.items()]
                if not more:
                    break
                candidates = [*candidates, *more]
                gains = np.concatenate([gains, model.gains(more)])
        return candidates[int(np.argmax(gains))]


class _Model:
    def __init__(self, sampler: FrontSampler, under_way: Mapping[Key, dict[str, Any]]) -> None:
        s = self.s = sampler
        self.keys = sorted(s._reached, key=repr)
        rows = {k: i for i, k in enumerate(self.keys)}
        self.finals = [k for k in self.keys if s._rungs[-1] in s._reached[k]]
        coded = [s._coded[k] for k in self.keys]
        self.points = self._inputs(coded) if coded else np.zeros((0, len(s._cube.groups)))
        n_obj = len(s._signs)
        self.learnt = [i for i in range(n_obj) if not coded or s.costs(coded[0]) is None or s.costs(coded[0])[i] is None]
        self.chains = {}
        kept = self.keys  # TODO cap
        for i in self.learnt:
            rungs = []
            for r in s._rungs:
                ks = [k for k in kept if r in s._reached[k]]
                rungs.append(Reached([rows[k] for k in ks], [s._reached[k][r][i] for k in ks]))
            self.chains[i] = Chain(self.points, self._groups(), rungs, s._fits[i])
        self.ready = bool(self.keys) and all(c.known for c in self.chains.values())
        if not self.ready:
            return
        # believed finals
        means = self._believed()
        finals = np.array([s._reached[k][s._rungs[-1]] for k in self.finals]).reshape(-1, n_obj)
        self.means = means
        running = [c for k, c in under_way.items() if k not in s._reached]
        if running:
            m, _ = self.predict(running)
            means = np.vstack([means, m])
        everything = np.vstack([finals, means]) if BELIEVE else finals if len(finals) else means
        base = finals if len(finals) else means
        worst, best = base.max(axis=0), base.min(axis=0)
        if len(base) < 2 or (worst <= best).any():
            worst, best = everything.max(axis=0), everything.min(axis=0)
        pool = s._everything if s._everything is not None else None
        for i in range(n_obj):
            if i not in self.learnt:
                values = [c[i] for c in s._costs.values() if c is not None]
                worst[i], best[i] = max(worst[i], max(values)), min(best[i], min(values))
        extent = np.where(worst > best, worst - best, 1.0)
        self.low, self.extent = best, extent
        self.front = [tuple((p - best) / extent) for p in everything]
        self.reference = tuple(1.0 + MARGIN for _ in range(n_obj))

    def _groups(self):
        return self.s._cube.groups

    def _inputs(self, coded):
        return self.s._cube.points(coded)

    def _believed(self):
        """of each met one, final mean"""
        s = self.s
        out = np.array([s._reached[k][max(s._reached[k])] for k in self.keys], dtype=float)
        for i in self.learnt:
            for number, r in enumerate(s._rungs[:-1]):
                at = [j for j, k in enumerate(self.keys) if max(s._reached[k]) == r]
                if at:
                    v = np.array([s._reached[self.keys[j]][r][i] for j in at])
                    out[at, i] = self.chains[i].predict(self.points[at], number, v)[0]
        return out

    def best_known(self):
        if not self.ready or not self.keys:
            return []
        numbers = front_numbers([tuple(p) for p in self.means])
        return [self.s._coded[k] for k, n in zip(self.keys, numbers) if n <= 1]

    def predict(self, candidates):
        s = self.s
        n_obj = len(s._signs)
        x = self._inputs(candidates)
        means, dev = np.zeros((len(candidates), n_obj)), np.zeros((len(candidates), n_obj))
        costs = None
        for i in range(n_obj):
            if i in self.learnt:
                m, v = self.chains[i].predict(x)
                means[:, i], dev[:, i] = m, np.sqrt(v)
            else:
                means[:, i] = [c[i] if (c := s.costs(cc)) is not None else math.inf for cc in candidates]
        return means, dev

    def gains(self, candidates):
        means, dev = self.predict(candidates)
        ok = np.isfinite(means).all(axis=1)
        means = np.where(np.isfinite(means), means, 1e9)
        g = expected_gains((means - self.low) / self.extent, dev / self.extent, self.front, self.reference)
        return np.where(ok, g, -1.0)

BELIEVE = True
