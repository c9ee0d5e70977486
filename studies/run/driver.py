"""The loop of a search: fills free places with trainings, takes in what happens, until the budget is spent.

A place is given, in this order, to what an earlier run left open, to a paused trial that deserves to go on, to something
new, and at the end, when nothing new may start, to the best paused trial while too few are trained to the end.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import replace

from optuna.trial import FrozenTrial, TrialState

from search_space import Architecture
from studies.engines.base import Engine, Event, Failed, Finished, Lost, Paused, Progress
from studies.run.budget import BudgetTracker
from studies.run.observer import Summary
from studies.run.preparation import Preparation
from studies.run.proposer import Exhausted, Proposer, Ready
from studies.run.schedule import LEAST_POINTS, Schedule, rung_facts, rung_records
from studies.run.trial_recorder import TrialRecorder, epochs_spent
from studies.schedulers.decisions import Decision
from studies.storage.lease import Lease, owner_here
from studies.storage.study_store import Proposal
from trainers.base.candidate import Candidate

MAX_LOSSES = 2
"""How often a trial whose process died is started again without having got an epoch further."""
GRACE_S = 4.0
"""How long trainings may take to reach the end of their epoch after time is up; then they are ended."""


class Driver:
    """One run of a study.

    Args:
        recorder: where trials are closed; knows study, store, seen and observer.
        schedule: which training goes on.
        proposer: what is tried next.
        engine: where trainings run.
        preparation: the data.
        lease: the right to run the study, renewed all the while.
        started: `time.monotonic()` when the search began.
    """

    def __init__(
        self,
        recorder: TrialRecorder,
        schedule: Schedule,
        proposer: Proposer,
        engine: Engine,
        preparation: Preparation,
        lease: Lease,
        started: float,
    ) -> None:
        self._recorder, self._schedule, self._proposer = recorder, schedule, proposer
        self._engine, self._preparation = engine, preparation
        self._study, self._store, self._observer = recorder.study, recorder.store, recorder.observer
        self._lease = lease
        self._spending = BudgetTracker(self._study.budget, started)
        self._running: dict[int, Ready] = {}
        self._paused: dict[int, Ready] = {}
        self._epochs: dict[int, int] = {}
        self._losses: dict[int, int] = {}
        self._orphans: deque[FrozenTrial] = deque()
        self._planned: deque[tuple[Architecture, FrozenTrial | None]] = deque()
        self._extra = 0
        self._reason = "all trials done"

    def take_in(self, trials: Sequence[FrozenTrial]) -> None:
        """Takes in what the store held when the search began; before `run`."""
        self._orphans.extend(t for t in trials if t.state == TrialState.RUNNING)
        self._spending.epochs = epochs_spent(trials)
        if self._wanting():
            resting = {t.user_attrs["digest"]: t for t in trials if t.user_attrs.get("resumable")}
            self._planned.extend((_architecture(trial), trial) for trial in resting.values())
            self._planned.extend((architecture, None) for architecture in self._preparation.warm_start)

    def run(self) -> Summary:
        """From the first training to the last."""
        while self._fill() and self._over() is None:
            self._lease.keep()
            for event in self._engine.wait(self._spending.patience_s()):
                self._handle(event)
        reason = self._over()
        if reason is not None and (self._running or self._paused or self._wanting()):
            self._rest_all(reason)
        self._stop_paused()
        self._proposer.abandon_parked()
        self._store.close_twins()
        return Summary(self._recorder.trained, self._study.budget.trials, self._spending.seconds, self._reason)

    def _fill(self) -> bool:
        """Starts trainings while there are free places; returns whether any is running."""
        while len(self._running) < self._engine.slots and self._over() is None:
            if not (self._take_over() or self._promote() or self._start_new() or self._promote_for_the_front()):
                break
        return bool(self._running)

    def _take_over(self) -> bool:
        """What a killed or timed run left, and architectures that were asked for; True when a place was taken."""
        while self._orphans:
            if self._adopt(self._orphans.popleft()):
                return True
        while self._planned and self._wanting():
            architecture, rested = self._planned.popleft()
            ready = self._proposer.open(architecture)
            if ready is not None and (self._take_up(ready, rested) if rested else self._start(ready)):
                return True
        return False

    def _adopt(self, trial: FrozenTrial) -> bool:
        """Takes over a trial that an earlier run left open; True when it takes a place."""
        if "architecture" in trial.user_attrs:
            ready = self._proposer.reopen(trial)
        else:
            ready = self._proposer.judge(Proposal(trial.number, dict(trial.params)))
        return ready is not None and self._take_up(ready, trial)

    def _take_up(self, ready: Ready, trial: FrozenTrial) -> bool:
        """Puts a trial where an earlier run had it: in training, or waiting at a rung; True when it takes a place."""
        records = {epoch: seen for epoch, seen in rung_records(trial).items() if epoch in self._schedule.rungs[:-1]}
        if ready.number != trial.number:  # otherwise they are known and stored
            for epoch, seen in records.items():
                self._note_rung(ready, epoch, seen["cer"], seen["accuracy"])
        reached = max(records, default=0)
        self._epochs[ready.number] = max(reached, int(trial.user_attrs.get("epoch", 0)))
        training = trial.user_attrs.get("training", {})
        if reached and training.get("until", 0) <= reached:
            return self._decide(ready, reached)
        if training and trial.state == TrialState.RUNNING:
            self._observer.trial_lost(ready.number, f"it was left open by {training['owner']}")
        if reached:
            self._schedule.promoted(ready.number, reached)
        return self._start(ready, reached)

    def _promote(self, beyond_quota: bool = False) -> bool:
        while (promotion := self._schedule.next_promotion(beyond_quota)) is not None:
            ready = self._paused.pop(promotion.trial, None)
            if ready is not None:
                return self._start(ready, epoch=promotion.rung)
        return False

    def _promote_for_the_front(self) -> bool:
        """At the end, when nothing new may start: goes on with a few of the best paused ones if the front is short."""
        lacking = self._recorder.front_points + len(self._running) < min(LEAST_POINTS, self._study.budget.trials)
        if not lacking or self._extra == LEAST_POINTS or not self._promote(beyond_quota=True):
            return False
        self._extra += 1
        return True

    def _start_new(self) -> bool:
        if not self._wanting():
            return False
        proposed = self._proposer.next(self._running.values(), self._paused.values())
        if isinstance(proposed, Exhausted):
            self._reason = proposed.reason
        return isinstance(proposed, Ready) and self._start(proposed)

    def _wanting(self) -> bool:
        """Whether the budget of trials allows something new."""
        return self._recorder.trained + len(self._running) + len(self._paused) < self._study.budget.trials

    def _start(self, ready: Ready, epoch: int = 0) -> bool:
        self._running[ready.number] = ready
        until = self._schedule.until(ready.number, epoch)
        job = self._preparation.job(
            ready.architecture, self._recorder.files.folder(ready.architecture), self._recorder.workspace.cache
        )
        if until is None:
            job = replace(job, also_in=self._proposer.still_missing(ready.architecture))
        # before it trains: whoever finds this trial open knows whose it was, and where its checkpoint lies
        self._store.note(
            ready.number, training={"owner": owner_here(), "until": until or job.epochs, "folder": str(job.folder)}
        )
        self._engine.submit(ready.number, job, until)
        self._observer.trial_started(ready.number, ready.architecture, ready.size_bytes)
        return True

    def _handle(self, event: Event) -> None:
        ready = self._running.get(event.ticket)
        if ready is None:
            return
        if isinstance(event, Progress):
            self._progress(ready, event)
        elif isinstance(event, Paused):
            self._at_rung(ready, event.epoch)
        elif isinstance(event, Lost):
            self._restart(ready, event)
        elif isinstance(event, Failed):
            self._fail(ready, f"{event.kind}: {event.reason}")
        elif isinstance(event, Finished):
            del self._running[ready.number]
            for other in event.candidate.also:  # first: a run that is killed here finds them again in the trial's folder
                self._take_in_sibling(ready, other)
            record = self._recorder.finish(ready, event.candidate)
            if record.state == "complete":
                self._schedule.finished(ready.number, ready.params, self._values(event.candidate))
            else:
                self._schedule.keep_away(ready.number, ready.params, 1e-6)
            self._proposer.settle(ready.architecture)

    def _take_in_sibling(self, trained: Ready, candidate: Candidate) -> None:
        ready = self._proposer.ready_sibling(trained, candidate.architecture)
        if ready is None:
            return
        record = self._recorder.also(ready, candidate)
        if record is not None:
            self._schedule.finished(record.number, ready.params, self._values(candidate))
        else:
            self._schedule.keep_away(trained.number, ready.params, 1e-6)

    def _values(self, candidate: Candidate) -> list[float]:
        return [o.measured(candidate.measurement) for o in self._study.objectives]

    def _progress(self, ready: Ready, event: Progress) -> None:
        report = event.report
        new = report.epoch - self._epochs.get(ready.number, 0)
        if new <= 0:
            return  # what goes on from a checkpoint says first where it stands
        self._spending.epochs += new
        self._epochs[ready.number] = report.epoch
        self._losses.pop(ready.number, None)
        if self._schedule.is_rung(ready.number, report.epoch):
            self._note_rung(ready, report.epoch, report.cer, report.accuracy)
        self._observer.trial_progress(ready.number, report)

    def _note_rung(self, ready: Ready, epoch: int, cer: float, accuracy: float) -> None:
        self._store.note(ready.number, **rung_facts(epoch, cer, accuracy))
        self._schedule.reached(ready.number, epoch, cer, ready.costs, ready.params)

    def _at_rung(self, ready: Ready, epoch: int) -> None:
        """A training has reached the epoch it was sent to."""
        del self._running[ready.number]
        if not self._schedule.is_rung(ready.number, epoch):  # it was stopped because time is up
            self._recorder.rest(ready, epoch, self._over() or "it was stopped")
            return
        self._decide(ready, epoch)

    def _decide(self, ready: Ready, epoch: int) -> bool:
        """What becomes of a trial that stands at a rung; True when it trains on."""
        decision = self._schedule.decide(ready.number, epoch)
        if decision is Decision.CONTINUE:
            return self._start(ready, epoch)
        if decision is Decision.STOP:
            self._recorder.stop(ready, epoch, f"not among the best at epoch {epoch}")
            self._proposer.settle(ready.architecture)
        else:
            self._paused[ready.number] = ready
            self._observer.trial_paused(ready.number, epoch)
        return False

    def _restart(self, ready: Ready, event: Lost) -> None:
        losses = self._losses[ready.number] = self._losses.get(ready.number, 0) + 1
        if losses > MAX_LOSSES:
            self._fail(ready, f"{event.reason}, {losses} times")
            return
        self._observer.trial_lost(ready.number, event.reason)
        self._start(ready, self._epochs.get(ready.number, 0))

    def _fail(self, ready: Ready, reason: str) -> None:
        del self._running[ready.number]
        self._recorder.fail(ready, reason)
        self._schedule.keep_away(ready.number, ready.params, 1.0)
        self._proposer.settle(ready.architecture)

    def _rest_all(self, reason: str) -> None:
        """The budget is spent: trainings end with their epoch, or at once when that takes too long."""
        self._reason = reason
        for number in self._running:
            self._engine.stop(number)
        end = time.monotonic() + GRACE_S
        while self._running and time.monotonic() < end:
            for event in self._engine.wait(0.5):
                if isinstance(event, Paused) and event.ticket in self._running:
                    self._recorder.rest(self._running.pop(event.ticket), event.epoch, reason)
                else:
                    self._handle(event)
        for ready in (*self._running.values(), *self._paused.values()):
            self._recorder.rest(ready, self._epochs.get(ready.number, 0), reason)
        self._running.clear()
        self._paused.clear()

    def _stop_paused(self) -> None:
        """What nobody has promoted by the end of the search."""
        for ready in self._paused.values():
            epoch = self._epochs.get(ready.number, 0)
            self._recorder.stop(
                ready, epoch, f"not among the best at epoch {epoch}" if epoch else "not among the best at its rung"
            )
            self._proposer.settle(ready.architecture)
        self._paused.clear()

    def _over(self) -> str | None:
        """Why everything is to stop now, or None."""
        return self._spending.over() or ("the target is reached" if self._recorder.target_met else None)


def _architecture(trial: FrozenTrial) -> Architecture:
    return Architecture.from_dict(trial.user_attrs["architecture"])
