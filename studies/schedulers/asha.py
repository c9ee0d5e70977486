"""Early stopping by asynchronous successive halving with several objectives (MO-ASHA). No Optuna, no Ray, no clock.

A *rung* is a number of epochs after which trainings are compared: 1, 3, 9, 27 with `eta` 3. At each rung the trials that
reached it are ordered front by front, each front in farthest-point order (`studies.objectives.pareto.best_first`), and the
first n/eta of all n may train on to the next rung. The ranking uses the error so far and the exact size of the file.

    promotion   a trial pauses at its rung, with a checkpoint. A free worker first looks from the highest rung down for a
                paused trial among the first n/eta and resumes it; only when there is none does it start something new.
    stopping    a trial is judged once, when it reaches the rung: if it is among the best n/eta it continues, otherwise it ends.

Decisions:
- n counts *all* trials ranked at a rung, and those already promoted are skipped afterwards. (Dropping them first would
  promote one of every few new trials, however bad it is.)
- The first trial to reach a rung is promoted at once: a search has a finished candidate early, for the price of one training.
- A rung at which next to nothing has been learnt is uninformative and compares nothing (`uninformative_from`): while a
  recogniser still leaves out every character, its error says nothing about its architecture. Such trials train on.
- In the promotion form, a trial that has learnt nothing yet is not ranked at an informative rung either: large networks begin
  to read late, and would never be among the first. One in `eta` of these trials trains on, oldest first.
- The state consists of the records alone: replaying the records of a study, in any order, rebuilds it.

Use, by any engine:

    asha = MOASHA([1, 3, 9, 27])
    for trial, rung, objectives in records_of_the_study: asha.record(trial, rung, objectives)
    for trial, rung in trials_under_way: asha.mark_promoted(trial, rung)       # on their way from `rung` to the next
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
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from studies.objectives.pareto import Point, Scale
from studies.schedulers.decisions import Decision, Promotion
from studies.schedulers.rungs import Rung

Form = Literal["promotion", "stopping"]
"""Whether trials pause at a rung and the best are resumed, or are judged once."""


class MOASHA:
    """Multi-objective asynchronous successive halving.

    Args:
        rungs: epochs of each rung, rising; the last is a full training. `rungs_up_to` makes the usual ones.
        eta: one in `eta` is promoted from each rung, at least 2.
        form: "promotion" (pause and resume the best) or "stopping" (judge once).
        brackets: how many there are; bracket s has its first comparison at rung s. 1 compares as early as possible.
        seed: of the draw of brackets.
        scales: of each objective, see `studies.objectives.pareto.farthest_point_order`; None is linear for all. The
            default fits (error, bytes).
        uninformative_from: of each objective, the value from which on a trial has learnt nothing, infinite for objectives
            that are always informative; None is infinite for all. A rung where fewer than one in `eta` trials are informative
            stops no trial.

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
        uninformative_from: Sequence[float] | None = None,
    ) -> None:
        if not rungs or list(rungs) != sorted(set(rungs)) or rungs[0] < 1:
            raise ValueError(f"rungs must be rising numbers of epochs, such as 1, 3, 9, not {list(rungs)}")
        if eta < 2:
            raise ValueError(f"eta must be at least 2 (one training in eta continues), not {eta}")
        if not 1 <= brackets <= len(rungs):
            raise ValueError(f"brackets must be from 1 to the number of rungs ({len(rungs)}), not {brackets}")
        self.rungs = tuple(rungs)
        self.eta = eta
        self.form = form
        self._seed = seed
        self._scales = scales
        self._uninformative_from = uninformative_from
        self._brackets = [[Rung(epochs) for epochs in self.rungs[s:]] for s in range(brackets)]

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
        """Adds what a trial has reached at a rung.

        A second record of the same trial and rung changes nothing. A record at one rung says that the trial was promoted
        from the rungs below, so replaying a study's records in any order rebuilds the state.

        Args:
            trial: its number.
            rung: epochs, one of `rungs`; those before the trial's first comparison are ignored.
            objectives: all to be minimised, exact ones (bytes) included; NaN counts as infinitely bad.
            params: what was trained; not used here.

        Raises:
            ValueError: not a rung.
        """
        if rung not in self.rungs:
            raise ValueError(f"{rung} epochs is not a rung; the rungs are {', '.join(map(str, self.rungs))}")
        for place in self._brackets[self._bracket_of(trial)]:
            if place.epochs < rung:
                place.promoted.add(trial)
            elif place.epochs == rung:
                point = tuple(math.inf if v != v else float(v) for v in objectives)
                if self.form == "promotion" and rung < self.rungs[-1] and not self._is_informative(point):
                    place.unranked.add(trial)
                else:
                    place.enter(trial, point)

    def mark_promoted(self, trial: int, rung: int) -> None:
        """Marks a trial as promoted from a rung, or as never to be (it failed): it will not be promoted from there again."""
        for place in self._brackets[self._bracket_of(trial)]:
            if place.epochs <= rung:
                place.promoted.add(trial)

    def decide(self, trial: int, rung: int) -> Decision:
        """Decides about a trial that has just been recorded at a rung.

        In the promotion form the answer is CONTINUE, and the trial is marked as promoted, if a free worker would resume this
        very trial next: that saves writing and reading its checkpoint.
        """
        if rung >= self.rungs[-1]:
            return Decision.FINISHED
        place = next((r for r in self._brackets[self._bracket_of(trial)] if r.epochs == rung), None)
        if place is None:
            return Decision.CONTINUE
        if place.is_uninformative(self._uninformative_from, self.eta):
            self.mark_promoted(trial, rung)
            return Decision.CONTINUE
        if self.form == "stopping":
            return Decision.CONTINUE if place.among_first(trial, place.quota(self.eta), self._scales) else Decision.STOP
        promotion = self.peek_promotion()
        if promotion is None or (promotion.trial, promotion.rung) != (trial, rung):
            return Decision.PAUSE
        self.mark_promoted(trial, rung)
        return Decision.CONTINUE

    def peek_promotion(self, force: bool = False) -> Promotion | None:
        """What `next_promotion` would return; changes nothing.

        Args:
            force: promote the best paused trial even if it is not among the first n/eta: for the end of a search, when there
                is nothing new to start and time is left.
        """
        if self.form == "stopping":
            return None
        rungs = [(place, after) for bracket in self._brackets for place, after in itertools.pairwise(bracket)]
        for place, after in sorted(rungs, key=lambda pair: -pair[0].epochs):
            count = len(place.entries) if force else place.quota(self.eta)
            trial = place.first_free(count, self._scales)
            if trial is None:
                unranked = len(place.unranked)
                trial = place.first_unranked(unranked if force else max(1, unranked // self.eta))
            if trial is not None:
                return Promotion(trial, place.epochs, after.epochs)
        return None

    def next_promotion(self, force: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, marked as promoted; None when something new should start."""
        promotion = self.peek_promotion(force)
        if promotion is not None:
            self.mark_promoted(promotion.trial, promotion.rung)
        return promotion

    def count(self, rung: int) -> int:
        """How many trials have been recorded at a rung."""
        return sum(
            len(place.entries) + len(place.unranked) for bracket in self._brackets for place in bracket if place.epochs == rung
        )

    def _is_informative(self, point: Point) -> bool:
        """Whether a trial has learnt anything."""
        limits = self._uninformative_from
        return limits is None or all(x < limit for x, limit in zip(point, limits, strict=True))

    def _bracket_of(self, trial: int) -> int:
        """The bracket of a trial: drawn from the seed and its number alone, a bracket of n rungs with weight exp(n)."""
        if len(self._brackets) == 1:
            return 0
        weights = [math.exp(len(bracket)) for bracket in self._brackets]
        return random.Random(f"{self._seed}/{trial}").choices(range(len(weights)), weights)[0]
