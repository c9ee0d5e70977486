"""The loop of a search: starts trainings while the engine has free slots and handles their events, until the budget is spent.

A free slot goes to a trial that an earlier run left, or to the warm start; else to a paused trial that the scheduler promotes;
else to a new architecture; else to a training that ended in a run with fewer epochs; at the end to the best paused trial, if
the front is short. `CheckpointExports` exports what pauses.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.run.budget import ALL_DONE, INTERRUPTED, TIME_IS_UP, BudgetTracker
from studies.run.ending import Ending
from studies.run.fault_watch import FaultWatch
from studies.run.finished_trainings import FinishedTrainings
from studies.run.judged import Exhausted, Ready
from studies.run.judgements import ready_of
from studies.run.observer import Summary
from studies.run.parts import Parts
from studies.run.schedule import LEAST_POINTS
from studies.schedulers.decisions import Decision
from studies.storage import outcomes
from studies.storage.lease import owner_here
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark
from trainers.base.lineage import PLAIN_NOTE


class Driver:
    """One run of a study.

    Args:
        parts: the parts of the run (`studies.run.assembly`).
        started: `time.monotonic()` at the start of the search.
        epochs: epochs that earlier runs of the study have trained.
    """

    def __init__(self, parts: Parts, started: float, epochs: int) -> None:
        self._study, self._store, self._recorder, self._beginnings = parts.study, parts.store, parts.recorder, parts.beginnings
        self._progress, self._schedule, self._plan, self._end = parts.progress, parts.schedule, parts.plan, parts.end
        self._observer, self._engine, self._lease, self._earlier = parts.observer, parts.engine, parts.lease, parts.earlier
        self._exports, self._proposer, self._duplicates = parts.exports, parts.proposer, parts.duplicates
        self._ready = partial(ready_of, recorder=parts.recorder, duplicates=parts.duplicates)
        self._running, self._paused = dict[int, Ready](), dict[int, Ready]()
        self._epochs, self._until = dict[int, int](), dict[int, int]()  # that a trial has trained for, and is to train for
        reserved_s = partial(parts.front_finish.reserved_s, self._running, self._paused, self._epochs)
        self._spending = BudgetTracker(self._study.budget, started, epochs, reserved_s)
        self._reached, self._promoted_early = dict[int, RungResult](), dict[int, int]()
        self._faults, self._finished, self._finish = FaultWatch(), FinishedTrainings(parts), parts.front_finish
        self._closing = Ending(parts, self._running, self._paused, self._epochs, self._reached)
        self._promoted_for_the_front, self._reason, self._ending = 0, ALL_DONE, ""
        self._nothing_new = False  # a new training was not started, since its first epoch would have ended too late

    def run(self) -> Summary:
        """Runs the search to its end. Ctrl-C ends it as the time limit does; a second one, and a RunFault, end it at once."""
        if self._wanting():
            self._plan.begin(self._spending.usable_s)
        try:
            while self._fill() and self._over() is None:
                self._lease.keep()
                for event in self._engine.wait(self._spending.patience_s()):
                    self._handle(event)
            reason = self._over() or (TIME_IS_UP if self._plan.out_of_time else None)
        except KeyboardInterrupt:
            self._observer.note("the search ends after the best trainings are exported (Ctrl-C again ends it at once)")
            reason = INTERRUPTED
        if reason is not None and (self._running or self._paused or self._wanting()):
            self._suspend_all(reason)
        if reason != INTERRUPTED and not self._finish.run(self._paused, self._epochs, lambda: self._spending.left_s):
            self._suspend_all(INTERRUPTED)  # so that the next run finds their checkpoints
        self._closing.stop_paused()
        self._duplicates.abandon()
        self._recorder.close_opened_twice(except_for=self._earlier.still_open)
        return Summary(self._progress.trained, self._study.budget.wanted_trials, self._spending.seconds, self._reason)

    def _fill(self) -> bool:
        """Starts trainings while there are free slots; returns whether any training is running."""
        while len(self._running) < self._engine.slots and self._over() is None:
            begins = self._take_over() or self._promote() or self._start_new() or self._continue_ended()
            if not (begins or self._promote_for_the_front()):
                break
        return bool(self._running)

    def _take_over(self) -> bool:
        """Resumes a trial of an earlier run, or starts an architecture of the warm start; returns whether it took a slot."""
        while (trial := self._earlier.next_open()) is not None:
            ready = self._ready(self._proposer.reopen(trial))
            if ready is not None and self._resume(ready, trial):
                return True
        while self._wanting() and not self._plan.out_of_time and (planned := self._earlier.next_planned()) is not None:
            configuration, suspended = planned
            ready = self._ready(self._proposer.open(configuration, suspended))
            if ready is not None and (self._resume(ready, suspended) if suspended else self._start(ready)):
                return True
        return False

    def _resume(self, ready: Ready, trial: StoredTrial) -> bool:
        """Restores a trial of an earlier run: in training, or paused at a rung; returns whether it took a slot."""
        rungs = {e: r for e, r in trial.rungs.items() if self._schedule.is_rung(ready.number, ready.architecture, e)}
        if ready.number != trial.number:  # otherwise they are known and stored
            for epoch, result in rungs.items():
                self._note_rung(ready, epoch, result)
        reached = max(rungs, default=0)
        self._epochs[ready.number] = max(reached, trial.epochs_trained)
        self._recorder.note_lineage(ready, trial.lineage)
        mark = trial.training
        if reached and (mark is None or mark.until <= reached):
            self._beginnings.keep(ready, reached, rungs[reached].cer)
            return self._export(ready, reached, rungs[reached]) or self._decide(ready, reached)
        if mark is not None and trial.is_open:
            self._observer.trial_lost(ready.number, f"it was left open by {mark.owner}")
        if reached:
            self._schedule.mark_promoted(ready.number, reached)
        return self._start(ready, reached)

    def _promote(self, force: bool = False) -> bool:
        while (promotion := self._schedule.next_promotion(force or self._nothing_new)) is not None:
            if promotion.trial in self._exports:
                self._promoted_early[promotion.trial] = promotion.rung  # it continues once its files are there
            elif (ready := self._paused.pop(promotion.trial, None)) is None:
                if self._continue_ended(promotion.trial):
                    return True
            elif self._start(ready, epoch=promotion.rung):
                return True
        return False

    def _continue_ended(self, number: int | None = None) -> bool:
        """Takes a training further that ended in an earlier run, this one or the best; returns whether it took a slot."""
        while (ended := self._earlier.take_ended(number)) is not None:
            self._schedule.mark_continued(ended.number)
            ready = None if ended.configuration is None else self._ready(self._proposer.open(ended.configuration, ended))
            if ready is not None and self._resume(ready, ended):
                return True
        return False

    def _promote_for_the_front(self) -> bool:
        """Resumes the best paused trial if nothing new may start and the front has too few points."""
        lacking = self._progress.front_points + len(self._running) < min(LEAST_POINTS, self._study.budget.trials)
        if not lacking or self._promoted_for_the_front == LEAST_POINTS or not self._promote(force=True):
            return False
        self._promoted_for_the_front += 1
        return True

    def _start_new(self) -> bool:
        while self._wanting() and not self._nothing_new:
            if self._end.begins(self._spending, self._begun()):
                self._schedule.stay_near_front()
            if not self._plan.leaves_room_for_new(self._spending.usable_s):
                self._nothing_new = True
                break
            proposed = self._proposer.next(self._running.values(), self._paused.values())
            if proposed is None or isinstance(proposed, Exhausted):
                self._reason = self._reason if proposed is None else proposed.reason
                return False
            ready = self._ready(proposed)
            if ready is not None and self._start(ready):
                self._reason = ALL_DONE  # nothing new may have been found before
                return True
            self._nothing_new = ready is not None
        return self._nothing_new and self._promote()

    def _wanting(self) -> bool:
        """Returns whether the budget allows another trial."""
        return self._begun() < self._study.budget.trials

    def _begun(self) -> int:
        """Trials that count against the budget, or will."""
        return self._progress.trained + sum(r.continues is None for r in (*self._running.values(), *self._paused.values()))

    def _start(self, ready: Ready, epoch: int = 0) -> bool:
        """Trains on from an epoch; False when no further epoch could end in time, which leaves the trial to the next run."""
        self._running[ready.number] = ready  # first: what is reserved for the end depends on it
        if not self._plan.fits(ready.architecture, self._spending.usable_s, not self._epochs.get(ready.number)):
            self._running.pop(ready.number, None)
            self._recorder.suspend(ready, epoch, TIME_IS_UP)
            return False
        until = self._schedule.until(ready.number, ready.architecture, max(epoch, self._epochs.get(ready.number, 0)))
        job = self._beginnings.job(ready, new=not self._epochs.get(ready.number))
        # whatever `until` is: the checkpoint of an earlier run may be further, even at the end
        further = self._proposer.still_missing(ready.configuration)
        job = replace(job, also_in=further, pause_by=self._spending.clock_time)
        self._until[ready.number] = until or job.epochs
        # written before it trains, so that a later run that finds the trial open knows its owner and its checkpoint
        self._store.note_training(ready.number, TrainingMark(owner_here(), self._until[ready.number], str(job.folder)))
        self._engine.submit(ready.number, job, until)
        self._observer.trial_started(ready.number, ready.configuration, ready.size_bytes)
        return True

    def _handle(self, event: Event) -> None:
        if (ready := self._running.get(event.number)) is None:
            return
        if isinstance(event, EpochFinished):
            self._epoch_finished(ready, event)
        elif event.number in self._exports:
            del self._running[ready.number]
            self._settle(ready, self._exports.finish(ready, event))
        elif isinstance(event, TrialPaused):
            self._pause(ready, event.epoch)
        elif isinstance(event, TrialLost):
            self._restart(ready, event)
        elif isinstance(event, TrialFailed):
            self._fail(ready, self._faults.failed(event))
        elif isinstance(event, TrialFinished):
            del self._running[ready.number]
            self._finished.record(ready, event.candidate)

    def _epoch_finished(self, ready: Ready, event: EpochFinished) -> None:
        report = event.report
        self._recorder.note_lineage(ready, report.lineage)
        if report.note and not report.note.startswith(PLAIN_NOTE):
            self._observer.note(f"trial {ready.number}: {report.note}")
        new = report.epoch - self._epochs.get(ready.number, 0)
        self._faults.epoch_finished(event, new)
        if new <= 0:
            return  # a training that resumes first reports the epoch of its checkpoint
        self._spending.epochs += new
        self._epochs[ready.number] = report.epoch
        self._reached[ready.number] = RungResult(report.cer, report.accuracy)
        self._plan.epoch_finished(ready.architecture, report.seconds, self._spending.usable_s)
        if self._schedule.is_rung(ready.number, ready.architecture, report.epoch):
            self._note_rung(ready, report.epoch, self._reached[ready.number])
        self._observer.trial_progress(ready.number, report)

    def _note_rung(self, ready: Ready, epoch: int, result: RungResult) -> None:
        self._store.note_rung(ready.number, epoch, result)
        self._schedule.observe_rung(ready.number, epoch, result.cer, ready.costs, ready.params)

    def _pause(self, ready: Ready, epoch: int) -> None:
        """Handles a training that has reached its `until_epoch`, or was stopped because the search ends."""
        del self._running[ready.number]
        if (result := self._reached.get(ready.number)) is not None:
            self._beginnings.keep(ready, epoch, result.cer)
        if result is None or not self._export(ready, epoch, result):
            self._settle(ready, epoch)

    def _export(self, ready: Ready, epoch: int, result: RungResult) -> bool:
        """Exports a training that pauses if its file would be on the front; returns whether it does, which takes a slot."""
        if not self._exports.start(ready, epoch, result):
            return False
        self._running[ready.number] = ready
        return True

    def _settle(self, ready: Ready, epoch: int) -> None:
        """Suspends a training that has paused, or decides at its rung whether it continues."""
        if self._ending:
            self._recorder.suspend(ready, epoch, self._ending)
        elif self._schedule.is_rung(ready.number, ready.architecture, epoch):
            self._decide(ready, epoch)
        elif epoch >= self._until.get(ready.number, epoch + 1):  # its checkpoint was further: an earlier run had other rungs
            self._start(ready, epoch)
        else:
            self._plan.out_of_time = True
            self._recorder.suspend(ready, epoch, TIME_IS_UP)

    def _decide(self, ready: Ready, epoch: int) -> bool:
        """Continues, stops or pauses a trial at a rung, as the scheduler decides; returns whether it continues."""
        is_promoted = self._promoted_early.pop(ready.number, None) == epoch  # by `_promote`, while it was exported
        decision = Decision.CONTINUE if is_promoted else self._schedule.decide(ready.number, epoch)
        if decision is Decision.CONTINUE:
            return self._start(ready, epoch)
        if decision is Decision.STOP:
            self._recorder.stop(ready, epoch)
        else:
            self._paused[ready.number] = ready
            self._observer.trial_paused(ready.number, epoch)
        return False

    def _restart(self, ready: Ready, event: TrialLost) -> None:
        if (over := self._faults.lost(event)) is not None:
            self._fail(ready, over)
            return
        self._observer.trial_lost(ready.number, event.reason)
        epoch = self._epochs.get(ready.number, 0)
        is_rung = self._schedule.is_rung(ready.number, ready.architecture, epoch)
        if is_rung and epoch == self._until[ready.number] and ready.number in self._reached:  # reported, and about to pause
            self._pause(ready, epoch)
        else:
            self._start(ready, epoch)

    def _fail(self, ready: Ready, reason: str) -> None:
        del self._running[ready.number]
        self._recorder.close(ready.closed(outcomes.Failed(reason, self._epochs.get(ready.number, 0))))
        self._faults.check()

    def _suspend_all(self, reason: str) -> None:
        """Ends the search: what trains or is paused is exported and left to the next run."""
        self._reason = self._ending = reason
        left_s = self._spending.left_s if reason == TIME_IS_UP else None
        self._closing.suspend_all(reason, left_s or 0.0, self._handle)

    def _over(self) -> str | None:
        """Returns why the search must end now, or None."""
        return "the target is reached" if self._progress.target_met else self._spending.over(is_training=bool(self._running))
