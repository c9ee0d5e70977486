"""Rungs: numbers of epochs after which trainings are compared, and what has reached each of them.

Decisions:
- An order is a list of trials, best first, never a list of ranks. The two are easily confused, and then a new trial is judged
  by the rank of another one.
- Of thousands of paused trials only the front that holds the next to resume is put in order; no caller needs the order of the
  rest.
"""

from __future__ import annotations

import itertools
import math
from bisect import insort
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from studies.objectives.pareto import Scale, farthest_point_order, front_numbers_of_rising


@dataclass
class Rung:
    """Everything that reached one rung in one bracket.

    Attributes:
        epochs: the number of epochs after which trainings are compared.
        entries: trial to the values that it reached, all to be minimised.
        promoted: trials that have been promoted, or never will be (failed, stopped).
        unranked: trials that reached the rung and had learnt nothing by then; they are not among `entries`.
    """

    epochs: int
    entries: dict[int, tuple[float, ...]] = field(default_factory=dict)
    promoted: set[int] = field(default_factory=set)
    unranked: set[int] = field(default_factory=set)
    _rising: list[tuple[tuple[float, ...], int]] = field(
        default_factory=list
    )  # entries in ascending order, of equal ones the older trial first
    _fronts: list[list[int]] = field(default_factory=list)  # trials; empty when out of date
    _orders: dict[int, list[int]] = field(default_factory=dict)  # front number to its trials, best first, as far as needed
    _informative: int = 0  # of the first `_counted` entries
    _counted: int = 0

    def enter(self, trial: int, point: tuple[float, ...]) -> None:
        """Adds what a trial has reached; a second call for the same trial changes nothing."""
        if trial not in self.entries:
            self.entries[trial] = point
            insort(self._rising, (point, trial))
            self._fronts, self._orders = [], {}

    def first_unranked(self, count: int) -> int | None:
        """The oldest trial that waits unranked; None if `count` unranked ones have been promoted already."""
        waiting = self.unranked - self.promoted
        return min(waiting) if waiting and len(self.unranked) - len(waiting) < count else None

    def first_free(self, count: int, scales: Sequence[Scale] | None) -> int | None:
        """The best trial that is not promoted yet, if it is among the first `count`; otherwise None."""
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
        """How many trials may be promoted: one in eta of all that are ranked at the rung, and at least one."""
        return max(1, len(self.entries) // eta)

    def is_uninformative(self, uninformative_from: Sequence[float] | None, eta: int) -> bool:
        """Whether too few trials have learnt anything for a comparison.

        Args:
            uninformative_from: of each objective, the value from which on a trial has learnt nothing; None: every trial is
                informative.
            eta: one in so many trials must be informative.
        """
        if uninformative_from is None:
            return False
        for entry in itertools.islice(self.entries.values(), self._counted, None):
            self._informative += all(x < limit for x, limit in zip(entry, uninformative_from, strict=True))
        self._counted = len(self.entries)
        return self._informative < max(1, (len(self.entries) + len(self.unranked)) // eta)

    def _fronts_within(self, count: int) -> Iterator[tuple[int, list[int], int]]:
        """The fronts that hold the first `count` trials: number, trials, and how many of `count` are left for the front."""
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
        """The first `count` trials of a front in farthest-point order."""
        front = self._fronts[number]
        if len(self._orders.get(number, ())) < min(count, len(front)):
            self._orders[number] = [
                front[i] for i in farthest_point_order([self.entries[trial] for trial in front], count, scales)
            ]
        return self._orders[number][:count]


def rungs_up_to(epochs: int, eta: int = 3, first: int = 1, former: Sequence[int] = ()) -> list[int]:
    """Rungs first, first * eta, first * eta², ... and the full training, such as 1, 3, 9, 20 for 20 epochs.

    A rung within a factor of sqrt(eta) of the full training is left out: stopping there would save little. A study whose full
    training was shorter before has each of these lengths as a rung, since trainings have ended there: 1, 3, 9, 20, 60, 180 for
    180 epochs that were 20 before.

    Args:
        epochs: of a full training, at least 1.
        eta: the factor between rungs, at least 2.
        first: epochs of the first rung.
        former: epochs of a full training in earlier runs of the study, rising and below `epochs`.
    """
    rungs: list[int] = []
    rung = max(1, first)
    for end in (*former, epochs):
        while rung * math.sqrt(eta) <= end:
            rungs.append(rung)
            rung *= eta
        rungs.append(end)
        rung = end * eta
    return rungs
