"""Exports trainings before their last epoch, so that the best ones are usable files whenever the search ends.

Decisions:
- A training that pauses, at a rung or because the search ends, is exported and measured if its current accuracy and the size
  of its file would be on the front. Each file is a trial of its own (`CheckpointOf`). From then on it is on the front, can be
  promoted and is in Optuna's dashboard, even if the search is killed right afterwards.
- A training that would be dominated is not exported: it would take seconds and bring nothing.
- A training that prunes is exported like any other once it is pruned. Before, its file would be that of the whole network; it
  pauses then only if the search ends, because no rung compares it (`studies.run.schedule`).
- An export is a job for a worker that trains no epoch, so every engine supports it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from search_space.architecture import Architecture
from studies.engines.base import Engine, TrialFailed, TrialFinished, TrialLost, TrialPaused
from studies.objectives.costs import Costs
from studies.run.judged import Ready
from studies.run.observer import Observer
from studies.run.proposer import Proposer
from studies.run.study_progress import StudyProgress
from studies.run.trial_recorder import TrialRecorder
from studies.storage.outcomes import CheckpointOf, Measured
from studies.storage.stored_trial import RungResult, StoredTrial
from trainers.base.candidate import Candidate, Measurement
from trainers.base.errors import TrainingFault, UserError
from trainers.pruning.phases import Phases
from trainers.trial.run import TrialJob, run_trial

FIRST_EXPORT_S = 5.0
"""Seconds that an export is expected to take before one has been timed: twice what a small network with 500 lines takes."""


class CheckpointExports:
    """Chooses what is exported before its last epoch, starts the exports and records their files; a `TrialCallback`.

    Args:
        job_of: what a worker is to know of a training.
        engine: exports in the place of a training.
        progress: of the study; its front decides what is worth a file.
        proposer: knows the precision variants of an architecture and what they cost.
        recorder: records the files.
        observer: receives a message if an export fails.
    """

    def __init__(
        self,
        job_of: Callable[[Ready], TrialJob],
        engine: Engine,
        progress: StudyProgress,
        proposer: Proposer,
        recorder: TrialRecorder,
        observer: Observer,
    ) -> None:
        self._job_of, self._engine, self._progress = job_of, engine, progress
        self._proposer, self._recorder, self._observer = proposer, recorder, observer
        self._done: set[tuple[str, int]] = set()  # digest of a training, and epochs
        self._under_way: dict[int, tuple[int, float]] = {}  # trial to epochs, and when the export began
        self._longest_s = 0.0

    def trial_closed(self, trial: StoredTrial) -> None:
        """Remembers which trainings have been exported."""
        if isinstance(trial.outcome, CheckpointOf | Measured) and trial.digest is not None:
            self._done.add((trial.digest, trial.outcome.epochs))

    def start(self, ready: Ready, epoch: int, result: RungResult) -> bool:
        """Exports a training that pauses, if it is worth a file; it takes a place of the engine until `finish`.

        Args:
            ready: the training.
            epoch: epochs that it has been trained for.
            result: what it reads after them.
        """
        job = self._export_job(ready, epoch, result)
        if job is None:
            return False
        self._under_way[ready.number] = (epoch, time.monotonic())
        self._engine.submit(ready.number, job)
        return True

    def export_here(self, ended: Iterable[tuple[Ready, int, RungResult]]) -> None:
        """Exports in this process trainings that were ended in the middle of an epoch, from their last checkpoints.

        Args:
            ended: trainings, the epochs of their checkpoints, and what they read after them; nothing trains them any more.
        """
        for ready, epoch, result in ended:
            job = self._export_job(ready, epoch, result)
            try:
                candidate = None if job is None else run_trial(job, lambda _: True)
            except (TrainingFault, UserError) as error:
                self._observer.note(f"trial {ready.number} could not be exported after epoch {epoch}: {error}")
            else:
                if isinstance(candidate, Candidate):
                    self.record(ready, candidate, epoch)

    def _export_job(self, ready: Ready, epoch: int, result: RungResult) -> TrialJob | None:
        """The job that exports a training; None if it is not worth a file."""
        job = self._job_of(ready)
        if not Phases.of(job.recipe, job.epochs, ready.architecture.prune_percent).is_comparable(epoch):
            return None
        also = self._wanted(ready, epoch, result)
        return None if also is None else replace(job, also_in=also, export_only=True)

    def record(self, ready: Ready, candidate: Candidate, epoch: int) -> None:
        """Records the files of a training.

        Args:
            ready: the training.
            candidate: one of its files, with the others.
            epoch: epochs that it has been trained for.
        """
        files: dict[Architecture, Candidate] = {}
        for file in (candidate, *candidate.also):
            files.setdefault(file.architecture, file)  # a tiny network is stored in int8 whether that or `coded` is asked for
        for file in files.values():
            self._recorder.add_checkpoint(self._proposer.variant(ready, file.asked), file, epoch)

    def finish(self, ready: Ready, event: TrialPaused | TrialFinished | TrialFailed | TrialLost) -> int:
        """Records the files of an export. If the export failed, the training continues as if it had not been tried.

        Returns:
            The epochs that it has been trained for.
        """
        epoch, began = self._under_way.pop(ready.number)
        self._longest_s = max(self._longest_s, time.monotonic() - began)
        if isinstance(event, TrialFinished):
            self.record(ready, event.candidate, epoch)
        elif isinstance(event, TrialFailed | TrialLost):
            self._observer.note(f"trial {ready.number} could not be exported after epoch {epoch}: {event.reason}")
        return epoch

    def _wanted(self, ready: Ready, epoch: int, result: RungResult) -> tuple[str, ...] | None:
        """Whether a training that pauses is worth a file.

        Args:
            ready: the training.
            epoch: epochs that it has been trained for.
            result: what it reads after them.

        Returns:
            Further precisions that its weights are worth storing in; None when it is not worth any file.
        """
        if (ready.digest, epoch) in self._done or not result.reads:
            return None
        others = []
        for precision in self._proposer.still_missing(ready.configuration):
            variant = self._proposer.variant(ready, ready.architecture.with_(precision=precision))
            if self._progress.would_extend_front(expected(result, variant.costs)):
                others.append(precision)
        if others or self._progress.would_extend_front(expected(result, ready.costs)):
            return tuple(others)
        return None

    def __contains__(self, number: int) -> bool:
        """Whether a trial is being exported."""
        return number in self._under_way

    def __bool__(self) -> bool:
        """Whether any is being exported."""
        return bool(self._under_way)

    @property
    def seconds(self) -> float:
        """What the longest export so far has taken, or is expected to take."""
        return self._longest_s or FIRST_EXPORT_S


def expected(result: RungResult, costs: Costs) -> Measurement:
    """What a file would measure that reads as the network does; unknown costs stay unknown."""
    return Measurement(
        accuracy=result.accuracy,
        cer=result.cer,
        size_bytes=costs.size_bytes,
        latency_ms=float("inf") if costs.latency_ms is None else costs.latency_ms,
        parameters=costs.parameters if costs.parameters is not None else 0,
        lines=0,
        flops=costs.flops,
    )
