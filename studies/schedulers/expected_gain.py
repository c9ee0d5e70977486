"""Which trainings go on, by what they are expected to add to the front: the form of early stopping of the sampler `front`.

A training pauses at each rung, with a checkpoint. A free worker resumes the one that is expected to add most to the
hypervolume of what is trained to the end, by epoch that is left to train, unless the next proposal promises more.

Decisions:
- No quota: MO-ASHA (`studies.schedulers.asha`) lets one in eta of a rung go on, whatever it is worth. This lets go on what is
  worth it.
- The first to reach a rung go on (`initial_design_size`): a search has something finished early,
  and learns what rungs tell.
- Known models from outside the space, of which nothing can be foretold, are trained to the end: somebody asked for them.
- At a rung where next to nothing has been learnt nobody pauses, as in `studies.schedulers.asha`.
- State is what was recorded: replaying the records of a study, in any order, rebuilds it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from studies.objectives.pareto import Point
from studies.samplers.front.encoding import Row
from studies.samplers.front.initial_design import initial_design_size
from studies.samplers.front.sampler import FrontSampler
from studies.schedulers.decisions import Decision, Promotion


class ExpectedGainStopping:
    """Decides as `studies.schedulers.asha.MOASHA` does, by expected gains.

    Args:
        rungs: epochs of each rung, rising; the last is a full training.
        sampler: foretells; it is to be told of everything before this is asked.
        silent: see `studies.schedulers.asha.MOASHA`.
        eta: of the rule for silent rungs.
    """

    def __init__(
        self, rungs: Sequence[int], sampler: FrontSampler, silent: Sequence[float] | None = None, eta: int = 3
    ) -> None:
        self.rungs, self._sampler, self._silent, self._eta = tuple(rungs), sampler, silent, eta
        self._straight = initial_design_size(rungs)[1]
        self._entered: dict[int, set[int]] = {rung: set() for rung in self.rungs}
        self._speaking = dict.fromkeys(self.rungs, 0)
        self._rows: dict[int, Row | None] = {}
        self._deepest: dict[int, int] = {}
        self._left: dict[int, int] = {}
        self._waiting: set[int] = set()
        self._going: set[int] = set()
        self._changes = 0
        self._found: tuple[Any, Promotion | None] | None = None

    def milestones(self, trial: int) -> tuple[int, ...]:
        """The rungs at which a trial is compared."""
        return self.rungs

    def next_rung(self, trial: int, epoch: int) -> int:
        """The next rung of a trial that has been trained for some epochs; the last when there is none left."""
        return next((rung for rung in self.rungs if rung > epoch), self.rungs[-1])

    def record(self, trial: int, rung: int, objectives: Point, params: Mapping[str, Any]) -> None:
        """Notes what a trial has reached at a rung.

        Args:
            trial: its number.
            rung: epochs.
            objectives: all to be minimised.
            params: value of every parameter.
        """
        if trial in self._entered[rung]:
            return
        self._entered[rung].add(trial)
        self._speaking[rung] += self._silent is None or all(x < s for x, s in zip(objectives, self._silent, strict=True))
        self._rows[trial] = self._sampler.encode(params)
        self._deepest[trial] = max(rung, self._deepest.get(trial, 0))
        self._place(trial)

    def promoted(self, trial: int, rung: int) -> None:
        """Notes that a trial is on its way up from a rung; from the last one: that it will never be."""
        self._left[trial] = max(rung, self._left.get(trial, 0))
        self._place(trial)

    def decide(self, trial: int, rung: int) -> Decision:
        """What becomes of a trial that has just been recorded at a rung."""
        if rung >= self.rungs[-1]:
            return Decision.FINISHED
        if len(self._entered[rung]) > self._straight and not self._is_silent(rung):
            promotion = self._best(beyond_quota=False)
            if promotion is None or promotion.trial != trial:
                return Decision.PAUSE
        self.promoted(trial, rung)
        return Decision.CONTINUE

    def next_promotion(self, beyond_quota: bool = False) -> Promotion | None:
        """The paused trial that a free worker should resume, noted as under way; None when something new should start.

        Args:
            beyond_quota: name the best one even if something new promises more.
        """
        promotion = self._best(beyond_quota)
        if promotion is not None:
            self.promoted(promotion.trial, promotion.rung)
        return promotion

    def _place(self, trial: int) -> None:
        """Whether a trial waits, is on its way, or is over."""
        end, deepest, left = self.rungs[-1], self._deepest.get(trial, 0), self._left.get(trial, 0)
        self._waiting.discard(trial)
        self._going.discard(trial)
        if left < deepest < end:
            self._waiting.add(trial)
        elif 0 < deepest <= left < end:
            self._going.add(trial)
        self._changes += 1

    def _best(self, beyond_quota: bool) -> Promotion | None:
        """The same as long as nothing has changed: thousands that waited when a search was killed ask one after the other."""
        if self._found is None or self._found[0] != (self._changes, self._sampler.version, beyond_quota):
            best = self._look(beyond_quota)  # which may find out that something cannot train, and change the state
            self._found = ((self._changes, self._sampler.version, beyond_quota), best)
        return self._found[1]

    def _look(self, beyond_quota: bool) -> Promotion | None:
        known: dict[int, Row] = {}
        for trial in sorted(self._waiting):
            row = self._rows[trial]
            if row is None:
                return self._on(trial)
            known[trial] = row
        if not known:
            return None
        going = [row for trial in sorted(self._going) if (row := self._rows[trial]) is not None]
        best = self._sampler.best_to_resume(list(known.values()), going, beyond_quota)
        return None if best is None else self._on(list(known)[best])

    def _on(self, trial: int) -> Promotion:
        return Promotion(trial, self._deepest[trial], self.next_rung(trial, self._deepest[trial]))

    def _is_silent(self, rung: int) -> bool:
        return self._speaking[rung] < max(1, len(self._entered[rung]) // self._eta)
