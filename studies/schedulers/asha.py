"""Which trainings go on: asynchronous successive halving with several objectives (MO-ASHA). No Optuna, no Ray, no clock.

A *rung* is a number of epochs after which trainings are compared: 1, 3, 9, 27 with `eta` 3. At each rung the trials that
reached it are ordered front by front, each front spread out (`studies.objectives.pareto.best_first`), and the first n/eta of
all n may go on to the next. Ranked are the error *so far* and the bytes, which are exact before training starts.

    promotion   a trial pauses at its rung, with a checkpoint. A free worker first looks from the highest rung down for a
                paused trial among the first n/eta and resumes it; only when there is none does it start something new.
    stopping    a trial is judged once, when it reaches the rung: among the first n/eta it goes on, otherwise it ends.

Decisions:
- The share is taken of *all* trials recorded in a rung, and those already promoted are skipped afterwards. (Dropping them
  first lets one of every few newcomers through, however bad it is.)
- The first to reach a rung goes on at once: a search has a finished candidate early, for the price of one training.
- A rung at which next to nothing has been learnt compares nothing (`silent`): a recogniser that still leaves out every
  character says no more about its architecture than a coin, and trains on to the next rung.
- State is nothing but what was recorded: replaying the records of a study, in any order, rebuilds it.

Use, by any engine:

    asha = MOASHA([1, 3, 9, 27])
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
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from studies.objectives.pareto import Point, Scale
from studies.schedulers.decisions import Decision, Promotion
from studies.schedulers.rungs import Rung

Form = Literal["promotion", "stopping"]


class MOASHA:
    """Multi-objective asynchronous successive halving.

    Args:
        rungs: epochs of each rung, rising; the last is a full training. `rungs_up_to` makes the usual ones.
        eta: one in `eta` goes on from each rung, at least 2.
        form: "promotion" (pause and resume the best) or "stopping" (judge once).
        brackets: how many there are; bracket s has its first comparison at rung s. 1 compares as early as possible.
        seed: of the draw of brackets.
        scales: how far apart the values of each objective are, see `studies.objectives.pareto.spread`; None is linear for all.
            The default fits (error, bytes).
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
        if place.is_silent(self._silent, self.eta):
            self.promoted(trial, rung)
            return Decision.CONTINUE
        if self.form == "stopping":
            return Decision.CONTINUE if place.among_first(trial, place.quota(self.eta), self._scales) else Decision.STOP
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
            count = len(place.entries) if beyond_quota else place.quota(self.eta)
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

    def _bracket_of(self, trial: int) -> int:
        """Drawn with a weight of e for every rung that a bracket has, from the seed and the trial's number alone."""
        if len(self._brackets) == 1:
            return 0
        weights = [math.exp(len(bracket)) for bracket in self._brackets]
        return random.Random(f"{self._seed}/{trial}").choices(range(len(weights)), weights)[0]
