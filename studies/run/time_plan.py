"""How a search uses the time it has: how many architectures, how long each trains, and what can still be started.

Decisions:
- The plan is an estimate for the user; what trains is decided by expected gain per second, one step at a time.
- A new architecture is proposed only if there is time for `NEW_EPOCHS` of its epochs: with fewer it would hardly read, and
  its time would be lost to those that do. For the first few it is less, since they share the time.
- It is said at the start, from what an epoch takes on a common machine, and again when measurements show that the number of
  architectures differs by more than `SAID_AGAIN`.
- A training that cannot finish an epoch before time is up is not started, nor a new one that cannot finish `LEAST_EPOCHS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from search_space.architecture import Architecture
from studies.definition.study import Study
from studies.run.epoch_seconds import EpochSeconds
from studies.schedulers.rungs import rungs_up_to

ENOUGH_MEASURED = 2
"""Architectures that must have been measured before the plan is said again; with one worker one is enough."""
SAID_AGAIN = 1.5
"""Factor by which the number of architectures must differ from what was said last."""
FEWEST_CANDIDATES = 12
"""Trainings are compared after one epoch if fewer than this many would reach a later first rung in the time there is."""
NEW_EPOCHS = 6
"""Epochs that there must be time for when a new architecture is proposed: with 300 lines, networks read half of them after 3
epochs and four fifths after 6 (benchmarks/any_clock)."""
LEAST_EPOCHS = 3
"""Epochs that there must be time for when a new architecture starts, since its seconds are only predicted until then."""
FIRST_SHARE = 0.75
"""Fraction of the time left that a worker may give to one of the first architectures, so that a front has further points."""
FIRST_ARCHITECTURES = 3
"""So many are the first: with fewer points a front is hardly a choice."""
INITIAL_SHARE = 0.25
"""Fraction of the architectures that the time allows which may belong to the initial design."""
SAFETY = 1.1
"""Factor on the predicted seconds when it is decided whether an epoch still fits: they vary by so much."""


@dataclass(frozen=True)
class Plan:
    """What fits into some time.

    Attributes:
        candidates: architectures that can be trained to the first rung, with one in `eta` continued from each rung.
        deepest: epochs that one of them can be trained for in the time that comparing all of them leaves.
    """

    candidates: float
    deepest: int

    @classmethod
    def of(cls, time_s: float, workers: int, epoch_s: float, rungs: Sequence[int], eta: int) -> Plan:
        """The plan for some time.

        Args:
            time_s: seconds that there are.
            workers: trainings at the same time.
            epoch_s: seconds of an epoch of a typical architecture.
            rungs: epochs of each rung, rising.
            eta: one in so many continues from each rung.
        """
        epochs = sum((after - before) / eta**k for k, (before, after) in enumerate(zip((0, *rungs), rungs, strict=False)))
        candidates = time_s * workers / (epoch_s * epochs)
        compared_s = min(time_s / 2, max(1.0, candidates) * rungs[0] * epoch_s / workers) if len(rungs) > 1 else 0.0
        return cls(candidates, min(rungs[-1], max(1, int((time_s - compared_s) / epoch_s))))


@dataclass(frozen=True)
class SearchStart:
    """How a search begins.

    Attributes:
        first_rung: epochs after which trainings are first compared.
        initial_trainings: most trainings before a model proposes further ones; None: no plan limits them.
    """

    first_rung: int
    initial_trainings: int | None = None

    @classmethod
    def of(cls, study: Study, workers: int, seconds: EpochSeconds | None) -> SearchStart:
        """As the study says, or earlier if its time allows only a few trainings.

        Args:
            study: its budget and search settings count.
            workers: trainings at the same time.
            seconds: predicts the seconds of an epoch; None where time is not limited.
        """
        limit_s, epochs, eta = study.budget.seconds, study.budget.epochs, study.search.eta
        first_rung = min(study.search.first_rung, epochs)
        if limit_s is None or seconds is None:
            return cls(first_rung)
        candidates = Plan.of(limit_s, workers, seconds.typical_s, rungs_up_to(epochs, eta, first_rung), eta).candidates
        initial = max(FIRST_ARCHITECTURES, round(candidates * INITIAL_SHARE))
        return cls(first_rung if candidates >= FEWEST_CANDIDATES else 1, initial)


class TimePlan:
    """The plan of one run, which learns from its epochs.

    Args:
        study: its budget and search settings count.
        workers: trainings at the same time.
        rungs: epochs of each rung, rising.
        seconds: predicts the seconds of an epoch; None where time is not limited: nothing is planned, and everything fits.
        note: receives one line for the user.

    Attributes:
        out_of_time: whether a training has paused, or did not fit, since its next epoch would have ended too late.
    """

    def __init__(
        self, study: Study, workers: int, rungs: Sequence[int], seconds: EpochSeconds | None, note: Callable[[str], None]
    ) -> None:
        self._budget, self._eta, self._workers, self._rungs = study.budget, study.search.eta, workers, tuple(rungs)
        self._seconds, self._note = seconds, note
        self._said: float | None = None
        self.out_of_time = False

    def begin(self, usable_s: float | None) -> None:
        """Says the plan before anything has been measured.

        Args:
            usable_s: seconds left to train in; None where time is not limited.
        """
        if self._seconds is None or usable_s is None or self._seconds.measured:
            return
        self._limit_new(self._seconds, usable_s)
        self._say(self._seconds, usable_s)

    def epoch_finished(self, architecture: Architecture, seconds: float, usable_s: float | None) -> None:
        """Adds the seconds of an epoch, and says the plan when it is new.

        Args:
            architecture: what was trained.
            seconds: of the epoch with its validation.
            usable_s: seconds left to train in; None where time is not limited.
        """
        if self._seconds is None or usable_s is None:
            return
        self._seconds.add(architecture, seconds)
        if self._seconds.measured >= min(self._workers, ENOUGH_MEASURED):
            self._say(self._seconds, usable_s)

    def _say(self, seconds: EpochSeconds, usable_s: float) -> None:
        """Says the plan if it is new."""
        plan = Plan.of(max(0.0, usable_s), self._workers, seconds.typical_s, self._rungs, self._eta)
        before = max(0, seconds.measured - self._workers)  # those in training count to what is left
        candidates = max(1.0, min(float(self._budget.trials), before + plan.candidates))
        if self._said is None or not 1 / SAID_AGAIN <= candidates / self._said <= SAID_AGAIN:
            whole = Plan.of(self._budget.seconds or 0.0, self._workers, seconds.typical_s, self._rungs, self._eta)
            self._note(self._written(candidates, whole.deepest, seconds))
            self._said = candidates

    def fits(self, architecture: Architecture, usable_s: float | None, new: bool = False) -> bool:
        """Whether a training can finish an epoch in the seconds left; True before anything has been measured.

        Args:
            architecture: what would be trained.
            usable_s: seconds left to train in; None where time is not limited.
            new: whether it has not been trained yet; then it must be able to finish `LEAST_EPOCHS`.
        """
        if self._seconds is None or usable_s is None or not self._seconds.measured:
            return True
        fits = SAFETY * self._seconds(architecture) * (LEAST_EPOCHS if new else 1) <= usable_s
        self.out_of_time |= not fits
        return fits

    def leaves_room_for_new(self, usable_s: float | None) -> bool:
        """Whether a new architecture can be tried in the seconds left; sets how long its epochs may be.

        Args:
            usable_s: seconds left to train in; None where time is not limited.
        """
        if self._seconds is None or usable_s is None:
            return True
        self._limit_new(self._seconds, usable_s)
        room = not self._seconds.measured or SAFETY * self._seconds.shortest_s * NEW_EPOCHS <= usable_s
        self.out_of_time |= not room
        return room

    def _limit_new(self, seconds: EpochSeconds, usable_s: float) -> None:
        """Sets how long an epoch of a new architecture may be."""
        first = seconds.measured < FIRST_ARCHITECTURES
        seconds.longest_s = max(0.0, usable_s) * (FIRST_SHARE if first else 1.0) / NEW_EPOCHS

    def _written(self, candidates: float, deepest: int, seconds: EpochSeconds) -> str:
        now = "plan" if self._said is None else "the plan is now"
        if not seconds.measured:
            now = "plan, estimated before the first epoch"
        workers = f"{self._workers} worker{'s' if self._workers > 1 else ''}"
        number = round(candidates)
        found = f"{now}: {self._budget.time} with {workers}: about {number} architecture"
        found += "s" if number > 1 else ""
        if len(self._rungs) == 1:
            return f"{found}, each trained for up to {_epochs(deepest)} of {seconds.lines:,} lines"
        compared = f"compared after {_epochs(self._rungs[0])} ({self._rungs[0] * seconds.lines:,} lines) each"
        return f"{found}, {compared}, the best trained for up to {_epochs(deepest)}"


def _epochs(number: int) -> str:
    return f"{number} epoch{'s' if number > 1 else ''}"
