"""One simulated search under way: what it has trained, epoch by epoch, and what it has finished.

Epochs are counted when they are trained, once, in every search: a proposal that was trained before gets the stored answer for
nothing, and continues from its checkpoint.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from benchmarks.search_efficiency.problems import Pair, Params, Problem

MOST_PROPOSALS = 400
"""A search that proposes so often is over, even if repetitions have cost nothing."""


@dataclass
class Run:
    """One search under way.

    Attributes:
        problem: what is searched.
        budget: epochs, or another measure of cost.
        spent: what has been spent of it so far.
        finished: what is fully trained.
        history: after each full training that was new, epochs trained until then and the hypervolume.
    """

    problem: Problem
    budget: float
    spent: float = 0
    finished: list[Pair] = field(default_factory=list)
    history: list[tuple[float, float]] = field(default_factory=list)
    begun: dict[tuple[Any, ...], int] = field(default_factory=dict)
    proposals: int = 0

    @property
    def open(self) -> bool:
        """Whether anything may still be trained."""
        return self.spent < self.budget and self.proposals < MOST_PROPOSALS

    def train(self, params: Params, until: int) -> Pair:
        """Both objectives after so many epochs."""
        key = tuple(params[name] for name in self.problem.distributions)
        before = self.begun.get(key, 0)
        self.spent += max(0, until - before)
        self.begun[key] = max(before, until)
        values = self.problem.at(params, until)
        if until == self.problem.epochs > before and self.spent <= self.budget:
            self.finished.append(values)
            self.history.append((self.spent, self.problem.volume(self.finished)))
        return values

    def add_variant(self, params: Params) -> Pair:
        """Both objectives of another precision of a full training, which costs no epochs."""
        values = self.problem.at(params, self.problem.epochs)
        if self.spent <= self.budget:
            self.finished.append(values)
            self.history.append((self.spent, self.problem.volume(self.finished)))
        return values


Search = Callable[[Run, int], None]
"""Runs a search with a seed until its budget is spent."""
