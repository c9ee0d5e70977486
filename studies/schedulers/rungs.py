"""Rungs: numbers of epochs after which trainings are compared, and what has reached each of them.

Decisions:
- An order is a list of trials, best first, never a list of ranks: the two are easily confused, and a newcomer's fate then
  hangs on somebody else's place.
- Of thousands that wait, only the front with the next to go on is put in order: the losers' order is nobody's question.
"""

from __future__ import annotations

import itertools
import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studies.objectives.pareto import Scale, front_numbers_of_rising, spread


@dataclass
class Rung:
    """Everything that reached one rung in one bracket.

    Attributes:
        epochs: after which trainings are compared.
        entries: trial to what it had reached.
        promoted: trials that have gone on, or never will.
    """

    epochs: int
    entries: dict[int, tuple[float, ...]] = field(default_factory=dict)
    promoted: set[int] = field(default_factory=set)
    _rising: list[tuple[tuple[float, ...], int]] = field(default_factory=list)  # entries, of equal ones the older trial first
    _fronts: list[list[int]] = field(default_factory=list)  # trials; empty when out of date
    _orders: dict[int, list[int]] = field(default_factory=dict)  # of fronts, best first, as far as asked for
    _speaking: int = 0  # of the first `heard` entries
    _heard: int = 0

    def enter(self, trial: int, point: tuple[float, ...]) -> None:
        """Notes what a trial has reached; a second time changes nothing."""
        if trial not in self.entries:
            self.entries[trial] = point
            insort(self._rising, (point, trial))
            self._fronts, self._orders = [], {}

    def first_free(self, count: int, scales: Sequence[Scale] | None) -> int | None:
        """The best that is not promoted yet, if it is among the first `count`."""
        for number, front, room in self._fronts_within(count):
            if len(front) > room or not self.promoted.issuperset(front):
                free = (trial for trial in self._order(number, room, scales) if trial not in self.promoted)
                if (trial := next(free, None)) is not None:
                    return trial
        return None

    def among_first(self, trial: int, count: int, scales: Sequence[Scale] | None) -> bool:
        """Whether a trial is among the first `count`."""
        for number, front, room in self._fronts_within(count):
            if trial in front:
                return len(front) <= room or trial in self._order(number, room, scales)
        return False

    def quota(self, eta: int) -> int:
        """How many may go on: one in eta of all that reached the rung, and always the very best."""
        return max(1, len(self.entries) // eta)

    def is_silent(self, silent: Sequence[float] | None, eta: int) -> bool:
        """Whether too few have learnt anything to be compared.

        Args:
            silent: of each objective, the value from which on it says nothing; None: all speak.
            eta: one in so many must speak.
        """
        if silent is None:
            return False
        for entry in itertools.islice(self.entries.values(), self._heard, None):
            self._speaking += all(x < s for x, s in zip(entry, silent, strict=True))
        self._heard = len(self.entries)
        return self._speaking < self.quota(eta)

    def _fronts_within(self, count: int) -> Iterator[tuple[int, list[int], int]]:
        """Number and trials of the fronts that the first `count` lie on, and how many of these are left for each."""
        if not self._fronts:
            numbers = front_numbers_of_rising([point for point, _ in self._rising])
            self._fronts = [[] for _ in range(max(numbers, default=-1) + 1)]
            for (_, trial), number in zip(self._rising, numbers, strict=True):
                self._fronts[number].append(trial)
        for number, front in enumerate(self._fronts):
            if count <= 0:
                return
            yield number, front, count
            count -= len(front)

    def _order(self, number: int, count: int, scales: Sequence[Scale] | None) -> list[int]:
        """The first `count` of a front, spread out."""
        front = self._fronts[number]
        if len(self._orders.get(number, ())) < min(count, len(front)):
            self._orders[number] = [front[i] for i in spread([self.entries[trial] for trial in front], count, scales)]
        return self._orders[number][:count]


def rungs_up_to(epochs: int, eta: int = 3, first: int = 1) -> list[int]:
    """Rungs first, first * eta, first * eta², ... and the full training, such as 1, 3, 9, 20 for 20 epochs.

    A rung closer to the end than half a step is left out: stopping there would spare nothing.

    Args:
        epochs: of a full training, at least 1.
        eta: the factor between rungs, at least 2.
        first: epochs of the first rung.
    """
    rungs, rung = [], max(1, first)
    while rung * math.sqrt(eta) <= epochs:
        rungs.append(rung)
        rung *= eta
    return [*rungs, epochs]
