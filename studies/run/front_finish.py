"""The end of a search: each training with a file on the front gets its finish, and its files are measured again.

Decisions:
- Only what is on the front is finished (`Recipe.finish_epochs`, `trainers.quantisation.finish`): elsewhere the epochs would be
  lost to other trainings, and trainings are compared after equal epochs without it.
- A precision whose file would be on the front if it read as well as the best file of its training is made too: with a large
  step only the finish makes it read.
- Each file is a trial of its own, as files of trainings that pause are. On the front it replaces the file of before
  (`studies.storage.pareto_front.current`). The training stays as it was, and may be continued.
- The most accurate training is first. With a time limit, the finish is predicted to take some seconds, which are reserved; what
  does not fit is left out, and so is everything after Ctrl-C.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from search_space.architecture import RefusedArchitecture
from search_space.coded_precision import is_coarse
from studies.definition.study import Study
from studies.engines.base import Engine, TrialFailed, TrialFinished, TrialLost
from studies.run.checkpoint_exports import CheckpointExports, expected
from studies.run.epoch_seconds import EpochSeconds
from studies.run.judged import Ready
from studies.run.observer import Observer
from studies.run.proposer import Proposer
from studies.run.study_progress import StudyProgress
from studies.run.time_plan import SAFETY
from studies.storage.finish_record import FinishRecord
from studies.storage.lease import Lease
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf, Stopped, Suspended
from studies.storage.stored_trial import RungResult, StoredTrial
from studies.workspace.trial_files import TrialFiles
from trainers.base.candidate import Candidate, Measurement
from trainers.trial.run import TrialJob

PREDICTED_AGAIN_S = 3.0
"""Seconds after which it is predicted again how long the finish of the front takes."""
LONGEST_WAIT_S = 0.5
"""Seconds that the end of a search waits for events at most, before it looks at the time again."""


@dataclass(frozen=True)
class FinishOf:
    """The finish of one training.

    Attributes:
        ready: the training.
        epochs: that it has been trained for.
        precisions: to make files in, those on the front first. Of these the ones that share a finish come first: it improves
            several files for the time of one, the most accurate ones among them.
        before: accuracy of its files so far, by precision.
    """

    ready: Ready
    epochs: int
    precisions: tuple[str, ...]
    before: Mapping[str, float]

    @property
    def times(self) -> int:
        """How often the network is finished: once for each large step, and once for all other precisions."""
        own = sum(is_coarse(precision) for precision in self.precisions)
        return own + (own < len(self.precisions))

    def without_last(self) -> FinishOf:
        """The same with one precision less."""
        return replace(self, precisions=self.precisions[:-1])


class FrontFinish:
    """Finishes the trainings on the front; a `TrialCallback`.

    Args:
        study: its recipe says how long a finish is.
        job_of: what a worker is to know of a training.
        engine: finishes in the place of trainings.
        progress: of the study; it must know a closed trial before this object does.
        proposer: knows the precisions of an architecture and what they cost.
        exports: records the files, and knows how long an export takes.
        observer: receives messages.
        lease: renewed while this takes time.
        record: knows what earlier runs have finished.
        files: of the study; of an ended training only the checkpoint is left.
        seconds: predicts the seconds of an epoch where time is limited; None elsewhere.
    """

    def __init__(
        self,
        study: Study,
        job_of: Callable[[Ready], TrialJob],
        engine: Engine,
        progress: StudyProgress,
        proposer: Proposer,
        exports: CheckpointExports,
        observer: Observer,
        lease: Lease,
        record: FinishRecord,
        files: TrialFiles,
        seconds: EpochSeconds | None,
    ) -> None:
        recipe = study.training_recipe
        self._finish_epochs = recipe.finish_epochs if recipe.is_anytime else 0
        self._job_of, self._engine, self._progress, self._proposer = job_of, engine, progress, proposer
        self._exports, self._observer, self._lease, self._seconds, self._tried = exports, observer, lease, seconds, record
        self._working_files = files
        self._predicted_s, self._predicted_at = 0.0, -PREDICTED_AGAIN_S
        self._trainings: dict[str, StoredTrial] = {}  # digest to the last trial that trained it
        self._digests: dict[int, str] = {}
        self._files: dict[str, list[StoredTrial]] = {}
        self._waiting: dict[int, list[StoredTrial]] = {}  # files of trainings whose trial is still open

    def trial_closed(self, trial: StoredTrial) -> None:
        """Remembers trainings and their files."""
        outcome = trial.outcome
        if isinstance(outcome, Measured | Stopped | Suspended) and trial.digest is not None:
            self._trainings[trial.digest], self._digests[trial.number] = trial, trial.digest
            self._files.setdefault(trial.digest, []).extend(self._waiting.pop(trial.number, []))
        if isinstance(outcome, Measured) and trial.digest is not None:
            self._files[trial.digest].append(trial)
        elif isinstance(outcome, PrecisionVariantOf | CheckpointOf):
            digest = self._digests.get(outcome.trial)
            (self._waiting.setdefault(outcome.trial, []) if digest is None else self._files[digest]).append(trial)

    def reserved_s(self, running: Mapping[int, Ready], paused: Mapping[int, Ready], epochs: Mapping[int, int]) -> float:
        """Seconds to keep for the end of a search: for the last export, and for the finish of the front as it is now.

        Args:
            running: trainings under way, by number.
            paused: those that have paused.
            epochs: number of a training to the epochs that it has been trained for.
        """
        if self._seconds is not None and self._finish_epochs and time.monotonic() > self._predicted_at + PREDICTED_AGAIN_S:
            self._predicted_s = sum(map(self._seconds_of, self._wanted({**running, **paused}, epochs))) / self._engine.slots
            self._predicted_at = time.monotonic()
        return self._exports.seconds + self._predicted_s

    def leave_out(self) -> None:
        """Finishes nothing: the engine has been closed, since a training did not pause in time."""
        self._finish_epochs = 0

    def run(self, paused: Mapping[int, Ready], epochs: Mapping[int, int], left_s: Callable[[], float | None]) -> bool:
        """Finishes the front.

        Args:
            paused, epochs: as for `reserved_s`.
            left_s: seconds until time is up; None where time is not limited.

        Returns:
            Whether it came to its end; False after Ctrl-C.
        """
        wanted = self._wanted(paused, epochs) if self._finish_epochs else []
        fitting = [shorter for each in wanted if (shorter := self._within(each, left_s())) is not None]
        if wanted and not fitting:
            self._observer.note("there is no time left to finish the front; the same command with more time does it")
        if not (wanted := fitting):
            return True
        what = "1 training on it gets" if len(wanted) == 1 else f"{len(wanted)} trainings on it get"
        longer = "one more epoch" if self._finish_epochs == 1 else f"{self._finish_epochs} more epochs"
        self._observer.note(f"finishing the front: {what} {longer} at a falling learning rate")
        try:
            self._run(wanted, left_s)
        except KeyboardInterrupt:
            self._observer.note("the rest of the front is not finished (Ctrl-C)")
            return False
        return True

    def _run(self, wanted: list[FinishOf], left_s: Callable[[], float | None]) -> None:
        running: dict[int, FinishOf] = {}
        while (wanted or running) and (left_s() or 0.0) >= 0.0:
            while wanted and len(running) < self._engine.slots:
                if (each := self._within(wanted.pop(0), left_s())) is not None:
                    running[each.ready.number] = each
                    job = replace(self._job_of(each.ready), export_only=True, only_in=each.precisions, finish=True)
                    self._engine.submit(each.ready.number, job)
            self._lease.keep()
            for event in self._engine.wait(LONGEST_WAIT_S):
                if isinstance(event, TrialFinished | TrialFailed | TrialLost) and event.number in running:
                    self._record(running.pop(event.number), event)

    def _record(self, finished: FinishOf, event: TrialFinished | TrialFailed | TrialLost) -> None:
        number = finished.ready.number
        if not isinstance(event, TrialLost):
            self._tried.add(finished.ready.digest, finished.epochs, finished.precisions)
        if not isinstance(event, TrialFinished):
            self._observer.note(f"trial {number} could not be finished: {event.reason}")
            return
        self._observer.note(f"trial {number} after its finish: {_compared(event.candidate, finished.before)}")
        self._exports.record(finished.ready, event.candidate, finished.epochs)
        trial = self._trainings.get(finished.ready.digest)
        if trial is not None and isinstance(trial.outcome, Measured):  # of another, a paused one, all is still needed
            self._working_files.keep_checkpoint(trial.number, finished.ready.digest)

    def _wanted(self, unended: Mapping[int, Ready], epochs: Mapping[int, int]) -> list[FinishOf]:
        """The trainings on the front that are not finished yet, the one with the most accurate file first."""
        found: dict[str, FinishOf | None] = {}
        for number in self._progress.front_trainings:
            ready, trained = unended.get(number), epochs.get(number, 0)
            if ready is None and number in self._digests:
                trial = self._trainings[self._digests[number]]
                ready, trained = self._proposer.closed(trial), trial.epochs_trained
            if ready is not None and ready.digest not in found:
                files = self._files.get(ready.digest, []) + self._waiting.get(number, [])
                found[ready.digest] = self._finish_of(ready, trained, files)
        return [each for each in found.values() if each is not None]

    def _finish_of(self, ready: Ready, epochs: int, files: Iterable[StoredTrial]) -> FinishOf | None:
        """The finish of a training; None if it has no checkpoint, or nothing to win that has not been tried."""
        measured = [
            (trial.architecture.precision, trial.measurement)
            for trial in files
            if trial.architecture is not None and trial.measurement is not None
        ]
        if not measured or not self._working_files.has_checkpoint(ready.digest):
            return None
        best = max((each for _, each in measured), key=lambda each: each.accuracy)
        tried, on_front = self._tried.tried(ready.digest, epochs), self._progress.is_on_front
        left = [p for p in self._proposer.precisions(ready.configuration) if p not in tried]
        worth = sorted((p for p in left if any(of == p and on_front(each) for of, each in measured)), key=is_coarse)
        worth += sorted((p for p in left if p not in worth and self._might_join(ready, p, best)), key=is_coarse)
        before = {precision: each.accuracy for precision, each in measured}  # the last file of a precision counts
        return FinishOf(ready, epochs, tuple(worth), before) if worth else None

    def _might_join(self, ready: Ready, precision: str, best: Measurement) -> bool:
        """Whether the file of a precision would be on the front if it read as well as the best file of its training."""
        try:
            variant = self._proposer.variant(ready, ready.architecture.with_(precision=precision))
        except RefusedArchitecture:
            return False
        return self._progress.would_extend_front(expected(RungResult(best.cer, best.accuracy), variant.costs))

    def _within(self, finish: FinishOf, left_s: float | None) -> FinishOf | None:
        """A finish with as many of its precisions as there is time for; None if there is none for any."""
        while finish.precisions and left_s is not None and self._seconds_of(finish) > left_s:
            finish = finish.without_last()
        return finish if finish.precisions else None

    def _seconds_of(self, finish: FinishOf) -> float:
        """Seconds that a finish and the export of its files are expected to take; 0 where time is not limited."""
        if self._seconds is None:
            return 0.0
        epochs = finish.times * self._finish_epochs
        return SAFETY * epochs * self._seconds(finish.ready.architecture) + self._exports.seconds


def _compared(finished: Candidate, before: Mapping[str, float]) -> str:
    """Accuracies after and before a finish, such as "int8 97.5% (95.5% before), coded 96.8%"."""
    found = []
    for file in (finished, *finished.also):
        precision = file.architecture.precision
        was = f" ({before[precision]:.1%} before)" if precision in before else ""
        found.append(f"{precision} {file.measurement.accuracy:.1%}{was}")
    return ", ".join(found)
