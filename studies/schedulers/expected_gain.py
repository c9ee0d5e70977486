"""Early stopping by expected hypervolume gain, which the sampler `front` predicts.

A training pauses at each rung, with a checkpoint. A free worker resumes the training with the largest expected hypervolume
improvement for each epoch that it has left, unless the next proposal is expected to add more.

Decisions:
- There is no quota. MO-ASHA (`studies.schedulers.asha`) promotes one in eta of a rung, however little that adds to the front.
- The first trainings to reach a rung continue (`initial_design_size`): a search has a finished candidate early, and learns how
  values at a rung relate to final ones. Where time is limited only the first one does, and only at the first rungs
  (`FIRST_RUNGS`): the time may end before any training does, and files of paused trainings are on the front anyway.
- Where time is limited, few trainings come to their end, and files of paused trainings are on the front. So each counts with
  what it has reached, and the one continues that promises most over all of that per second, on its way to any rung. Measured
  against what is fully trained, where nothing is, all gains were about the same, and the fastest networks were trained.
- Known models from outside the space, of which nothing can be predicted, are trained to the end: the user asked for them.
- At an uninformative rung, where next to nothing has been learnt, no training pauses, as in `studies.schedulers.asha`.
- The state consists of the records alone: replaying the records of a study, in any order, rebuilds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.objectives.pareto import Point
from studies.samplers.front.encoding import Row
from studies.samplers.front.initial_design import initial_design_size
from studies.samplers.front.sampler import FrontSampler
from studies.schedulers.decisions import Decision, Promotion

FIRST_RUNGS = 2
"""Rungs at which the first training continues in any case where time is limited. At all of them, one of two workers trained the
first architecture for 43 epochs of the ten minutes for 800 codes (benchmarks/any_clock), and it was not on the front."""


class ExpectedGainStopping:
    """Early stopping with the methods of `studies.schedulers.asha.MOASHA`, by expected hypervolume gain.

    Args:
        rungs: epochs of each rung, rising; the last is a full training.
        sampler: predicts the gains; every record must be given to it before it is given to this object.
        uninformative_from: see `studies.schedulers.asha.MOASHA`.
        eta: one in so many trials of a rung must be informative.
        limited_time: whether only the first training continues in any case, and at the first rungs only.
    """

    def __init__(
        self,
        rungs: Sequence[int],
        sampler: FrontSampler,
        uninformative_from: Sequence[float] | None = None,
        eta: int = 3,
        limited_time: bool = False,
    ) -> None:
        self.rungs, self._sampler, self._eta = tuple(rungs), sampler, eta
        self._uninformative_from = uninformative_from
        count = 1 if limited_time else initial_design_size(rungs)[1]
        self._first_count = {rung: 0 if limited_time and k >= FIRST_RUNGS else count for k, rung in enumerate(self.rungs)}
        self._entered: dict[int, set[int]] = {rung: set() for rung in self.rungs}
        self._informative = dict.fromkeys(self.rungs, 0)
        self._rows: dict[int, Row | None] = {}
        self._reached: dict[int, int] = {}
        self._promoted_from: dict[int, int] = {}
        self._paused: set[int] = set()
        self._resumed: set[int] = set()
        self._changes = 0
        self._cached: tuple[Any, Promotion | None] | None = None

    def milestones(self, trial: int) -> tuple[int, ...]:
        """The rungs at which a trial is compared."""
        return self.rungs

    def next_rung(self, trial: int, epoch: int) -> int:
        """The next rung of a trial that has been trained for some epochs; the last when there is none left."""
        return next((rung for rung in self.rungs if rung > epoch), self.rungs[-1])

    def record(self, trial: int, rung: int, objectives: Point, params: Mapping[str, Any]) -> None:
        """Adds what a trial has reached at a rung; a second record of the same trial and rung changes nothing.

        Args:
            trial: its number.
            rung: epochs.
            objectives: all to be minimised.
            params: value of every parameter.
        """
        if trial in self._entered[rung]:
            return
        self._entered[rung].add(trial)
        limits = self._uninformative_from
        self._informative[rung] += limits is None or all(x < limit for x, limit in zip(objectives, limits, strict=True))
        self._rows[trial] = self._sampler.encode(params)
        self._reached[trial] = max(rung, self._reached.get(trial, 0))
        self._update_state(trial)

    def mark_promoted(self, trial: int, rung: int) -> None:
        """Marks a trial as promoted from a rung; from the last rung: as never to be promoted."""
        self._promoted_from[trial] = max(rung, self._promoted_from.get(trial, 0))
        self._update_state(trial)

    def decide(self, trial: int, rung: int) -> Decision:
        """Decides about a trial that was just recorded at a rung."""
        if rung >= self.rungs[-1]:
            return Decision.FINISHED
        if len(self._entered[rung]) > self._first_count[rung] and not self._is_uninformative(rung):
            promotion = self._best(force=False)
            if promotion is None or promotion.trial != trial:
                return Decision.PAUSE
        self.mark_promoted(trial, rung)
        return Decision.CONTINUE

    def next_promotion(self, force: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, marked as promoted; None when something new should start.

        Args:
            force: return the best one even if something new is expected to add more.
        """
        promotion = self._best(force)
        if promotion is not None:
            self.mark_promoted(promotion.trial, promotion.rung)
        return promotion

    def _update_state(self, trial: int) -> None:
        """Files a trial under paused, resumed, or neither (finished, failed, or at no rung yet)."""
        end, reached, promoted = self.rungs[-1], self._reached.get(trial, 0), self._promoted_from.get(trial, 0)
        self._paused.discard(trial)
        self._resumed.discard(trial)
        if promoted < reached < end:
            self._paused.add(trial)
        elif 0 < reached <= promoted < end:
            self._resumed.add(trial)
        self._changes += 1

    def _best(self, force: bool) -> Promotion | None:
        """Cached while nothing changes: a search that resumes asks once for each of thousands of paused trials."""
        if self._cached is None or self._cached[0] != (self._changes, self._sampler.version, force):
            best = self._find_best(force)  # may mark parameters as infeasible, which changes the state
            self._cached = ((self._changes, self._sampler.version, force), best)
        return self._cached[1]

    def _find_best(self, force: bool) -> Promotion | None:
        known: dict[int, Row] = {}
        for trial in sorted(self._paused):
            row = self._rows[trial]
            if row is None:
                return self._promotion_of(trial)
            known[trial] = row
        if not known:
            return None
        resumed = [row for trial in sorted(self._resumed) if (row := self._rows[trial]) is not None]
        best = self._sampler.best_to_resume(list(known.values()), resumed, force)
        return None if best is None else self._promotion_of(list(known)[best])

    def _promotion_of(self, trial: int) -> Promotion:
        return Promotion(trial, self._reached[trial], self.next_rung(trial, self._reached[trial]))

    def _is_uninformative(self, rung: int) -> bool:
        return self._informative[rung] < max(1, len(self._entered[rung]) // self._eta)
