"""Which trainings go on: asynchronous successive halving with several objectives (MO-ASHA). No Optuna, no Ray, no clock.

A *rung* is a number of epochs after which trainings are compared: 1, 3, 9, 27 with `eta` 3. At each rung the trials that
reached it are ordered front by front, each front spread out (`studies.pareto.best_first`), and the first n/eta of all n
may go on to the next. Ranked are the error *so far* and the bytes, which are exact before training starts.

    promotion   a trial pauses at its rung, with a checkpoint. A free worker first looks from the highest rung down for a
                paused trial among the first n/eta and resumes it; only when there is none does it start something new.
    stopping    a trial is judged once, when it reaches the rung: among the first n/eta it goes on, otherwise it ends.

Decisions:
- The share is taken of *all* trials recorded in a rung, and those already promoted are skipped afterwards. (Dropping them
  first lets one of every few newcomers through, however bad it is.)
- The first to reach a rung goes on at once: a search has a finished candidate early, for the price of one training.
- An order is a list of trials, best first, never a list of ranks: the two are easily confused, and a newcomer's fate then
  hangs on somebody else's place.
- A rung at which next to nothing has been learnt compares nothing (`silent`): a recogniser that still leaves out every
  character says no more about its architecture than a coin, and trains on to the next rung.
- Of thousands that wait, only the front with the next to go on is put in order: the losers' order is nobody's question.
- State is nothing but what was recorded: replaying the records of a study, in any order, rebuilds it.

Use, by any engine:

    asha = Asha([1, 3, 9, 27])
    for trial, rung, objectives in records_of_the_study: asha.record(trial, rung, objectives)
    for trial, rung in trials_under_way: asha.promoted(trial, rung)       # on their way from `rung` to the next
    ...
    promotion = asha.next_promotion()                                     # a worker is free
    if promotion: resume promotion.trial until epoch promotion.until      # else start a new trial until asha.first_rung(trial)
    ...
    asha.record(trial, epoch, (1 - accuracy, size_bytes))                 # it reached a rung
    asha.decide(trial, epoch)                                             # CONTINUE, PAUSE, STOP or FINISHED

Source: Li et al. 2020 (ASHA); Schmucker et al. 2021, arXiv 2106.12639 (MO-ASHA).
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Literal

from studies.pareto import Point, Scale, front_numbers, spread

Form = Literal["promotion", "stopping"]


class Decision(Enum):
    """What becomes of a trial that has reached a rung."""

    CONTINUE = "continue"
    """Train on to the next rung."""
    PAUSE = "pause"
    """Leave a checkpoint and give the place up; the trial may be promoted later."""
    STOP = "stop"
    """End for good."""
    FINISHED = "finished"
    """The last rung: fully trained."""


@dataclass(frozen=True)
class Promotion:
    """A paused trial that should train on.

    Attributes:
        trial: its number.
        rung: epochs it has been trained for.
        until: epochs to train it up to, the next rung.
    """

    trial: int
    rung: int
    until: int


@dataclass
class _Rung:
    """Everything that reached one rung in one bracket."""

    epochs: int
    entries: dict[int, tuple[float, ...]] = field(default_factory=dict)
    promoted: set[int] = field(default_factory=set)
    fronts: list[list[int]] = field(default_factory=list)  # trials; empty when out of date
    orders: dict[int, list[int]] = field(default_factory=dict)  # of fronts, best first, as far as asked for
    speaking: int = 0  # of the first `heard` entries
    heard: int = 0

    def enter(self, trial: int, point: tuple[float, ...]) -> None:
        """Notes what a trial has reached; a second time changes nothing."""
        if trial not in self.entries:
            self.entries[trial] = point
            self.fronts, self.orders = [], {}

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

    def _fronts_within(self, count: int) -> Iterator[tuple[int, list[int], int]]:
        """Number and trials of the fronts that the first `count` lie on, and how many of these are left for each."""
        if not self.fronts:
            trials = sorted(self.entries)  # of equal points the older trial comes first, in whatever order they arrived
            numbers = front_numbers([self.entries[trial] for trial in trials])
            self.fronts = [[] for _ in range(max(numbers, default=-1) + 1)]
            for trial, number in zip(trials, numbers, strict=True):
                self.fronts[number].append(trial)
        for number, front in enumerate(self.fronts):
            if count <= 0:
                return
            yield number, front, count
            count -= len(front)

    def _order(self, number: int, count: int, scales: Sequence[Scale] | None) -> list[int]:
        """The first `count` of a front, spread out."""
        front = self.fronts[number]
        if len(self.orders.get(number, ())) < min(count, len(front)):
            self.orders[number] = [front[i] for i in spread([self.entries[trial] for trial in front], count, scales)]
        return self.orders[number][:count]


class Asha:
    """Multi-objective asynchronous successive halving.

    Args:
        rungs: epochs of each rung, rising; the last is a full training. `rungs_up_to` makes the usual ones.
        eta: one in `eta` goes on from each rung, at least 2.
        form: "promotion" (pause and resume the best) or "stopping" (judge once).
        brackets: how many there are; bracket s has its first comparison at rung s. 1 compares as early as possible.
        seed: of the draw of brackets.
        scales: how far apart the values of each objective are, see `studies.pareto.spread`; None is linear for all. The
            default fits (error, bytes).
        silent: of each objective, the value from which on it says nothing, infinite for those that always speak; None for
            all that. A rung where fewer than one in `eta` speak stops nobody.

    Raises:
        ValueError: no rungs, rungs that do not rise, eta below 2, or more brackets than rungs.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        eta: int = 3,
        form: Form = "promotion",
        brackets: int = 1,
        seed: int = 0,
        scales: Sequence[Scale] | None = ("linear", "log"),
        silent: Sequence[float] | None = None,
    ) -> None:
        if not rungs or list(rungs) != sorted(set(rungs)) or rungs[0] < 1:
            raise ValueError(f"rungs must be rising numbers of epochs, such as 1, 3, 9, not {list(rungs)}")
        if eta < 2:
            raise ValueError(f"eta must be at least 2 (one in eta goes on), not {eta}")
        if not 1 <= brackets <= len(rungs):
            raise ValueError(f"brackets must be from 1 to the number of rungs ({len(rungs)}), not {brackets}")
        self.rungs = tuple(rungs)
        self.eta = eta
        self.form = form
        self._seed = seed
        self._scales = scales
        self._silent = silent
        self._brackets = [[_Rung(epochs) for epochs in self.rungs[s:]] for s in range(brackets)]

    def milestones(self, trial: int) -> tuple[int, ...]:
        """The rungs at which a trial is compared, in epochs; which bracket it is in depends on its number and the seed."""
        return self.rungs[self._bracket_of(trial) :]

    def first_rung(self, trial: int) -> int:
        """Epochs after which a new trial is first compared."""
        return self.milestones(trial)[0]

    def next_rung(self, trial: int, epoch: int) -> int:
        """The next comparison of a trial that has been trained for some epochs; the last rung when there is none left."""
        return next((rung for rung in self.milestones(trial) if rung > epoch), self.rungs[-1])

    def record(self, trial: int, rung: int, objectives: Point, params: Mapping[str, Any] | None = None) -> None:
        """Notes what a trial has reached at a rung.

        A second record of the same trial and rung changes nothing. A record at one rung says that the trial was promoted
        from the rungs below, so replaying a study's records in any order rebuilds the state.

        Args:
            trial: its number.
            rung: epochs, one of `rungs`; those before the trial's first comparison are ignored.
            objectives: all to be minimised, exact ones (bytes) included; NaN counts as infinitely bad.
            params: what was trained; plays no part here.

        Raises:
            ValueError: not a rung.
        """
        if rung not in self.rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self.rungs))}")
        for place in self._brackets[self._bracket_of(trial)]:
            if place.epochs < rung:
                place.promoted.add(trial)
            elif place.epochs == rung:
                place.enter(trial, tuple(math.inf if v != v else float(v) for v in objectives))

    def promoted(self, trial: int, rung: int) -> None:
        """Notes that a trial is on its way up from a rung, or will never be (it failed): it is not to be promoted again."""
        for place in self._brackets[self._bracket_of(trial)]:
            if place.epochs <= rung:
                place.promoted.add(trial)

    def decide(self, trial: int, rung: int) -> Decision:
        """What becomes of a trial that has just been recorded at a rung.

        In the promotion form CONTINUE is given, and noted, when a free worker would resume this very trial next: that
        spares writing and reading its checkpoint.
        """
        if rung >= self.rungs[-1]:
            return Decision.FINISHED
        place = next((r for r in self._brackets[self._bracket_of(trial)] if r.epochs == rung), None)
        if place is None:
            return Decision.CONTINUE
        if self._is_silent(place):
            self.promoted(trial, rung)
            return Decision.CONTINUE
        if self.form == "stopping":
            return Decision.CONTINUE if place.among_first(trial, self._quota(place), self._scales) else Decision.STOP
        promotion = self.peek_promotion()
        if promotion is None or (promotion.trial, promotion.rung) != (trial, rung):
            return Decision.PAUSE
        self.promoted(trial, rung)
        return Decision.CONTINUE

    def peek_promotion(self, beyond_quota: bool = False) -> Promotion | None:
        """What `next_promotion` would return; changes nothing.

        Args:
            beyond_quota: promote the best paused trial even if it is not among the first n/eta: for the end of a search,
                when there is nothing new to start and time is left.
        """
        if self.form == "stopping":
            return None
        rungs = [(place, after) for bracket in self._brackets for place, after in itertools.pairwise(bracket)]
        for place, after in sorted(rungs, key=lambda pair: -pair[0].epochs):
            count = len(place.entries) if beyond_quota else self._quota(place)
            trial = place.first_free(count, self._scales)
            if trial is not None:
                return Promotion(trial, place.epochs, after.epochs)
        return None

    def next_promotion(self, beyond_quota: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, noted as under way; None when something new should start."""
        promotion = self.peek_promotion(beyond_quota)
        if promotion is not None:
            self.promoted(promotion.trial, promotion.rung)
        return promotion

    def count(self, rung: int) -> int:
        """How many trials have been recorded at a rung."""
        return sum(len(place.entries) for bracket in self._brackets for place in bracket if place.epochs == rung)

    def _quota(self, place: _Rung) -> int:
        """How many trials of a rung may go on: one in eta of all that reached it, and always the very best."""
        return max(1, len(place.entries) // self.eta)

    def _is_silent(self, place: _Rung) -> bool:
        """Whether too few of a rung's trials have learnt anything to be compared."""
        if self._silent is None:
            return False
        for entry in itertools.islice(place.entries.values(), place.heard, None):
            place.speaking += all(x < s for x, s in zip(entry, self._silent, strict=True))
        place.heard = len(place.entries)
        return place.speaking < self._quota(place)

    def _bracket_of(self, trial: int) -> int:
        """Drawn with a weight of e for every rung that a bracket has, from the seed and the trial's number alone."""
        if len(self._brackets) == 1:
            return 0
        weights = [math.exp(len(bracket)) for bracket in self._brackets]
        return random.Random(f"{self._seed}/{trial}").choices(range(len(weights)), weights)[0]


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
