"""Exports trainings before their last epoch: whenever a search ends, what has trained best by then is a file that reads.

Decisions:
- A training that pauses, at a rung or because the search ends, is exported and measured if what it reads by then would be on
  the front with the bytes that its file will have. Each file is a trial of its own (`CheckpointOf`), so the front, promotion
  and Optuna's dashboard have it from that moment, even if the search is killed in the next one.
- A training that would be dominated is not exported: its file would cost seconds and be of use to nobody.
- The worker that trained it exports it, as a job of its own that trains nothing, so every engine can do it.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from studies.objectives.costs import Costs
from studies.run.proposer import Proposer, Ready
from studies.run.study_progress import StudyProgress
from studies.storage.outcomes import CheckpointOf
from studies.storage.stored_trial import RungResult, StoredTrial
from trainers.base.candidate import Measurement
from trainers.pruning.phases import Phases

FIRST_EXPORT_S = 5.0
"""Seconds that an export is expected to take before one has been timed: twice what a small network with 500 lines takes."""


class CheckpointExports:
    """Chooses what is exported before its last epoch, and keeps count of the exports under way; a `TrialCallback`.

    Args:
        epochs: of a full training.
        progress: of the study; its front decides what is worth a file.
        proposer: knows the precision variants of an architecture and what they cost.
        clock: seconds that never go back.
    """

    def __init__(
        self, epochs: int, progress: StudyProgress, proposer: Proposer, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._epochs, self._progress, self._proposer, self._clock = epochs, progress, proposer, clock
        self._done: set[tuple[str, int]] = set()  # digest of a training, and epochs
        self._under_way: dict[int, tuple[int, float]] = {}  # trial to epochs, and when the export began
        self._longest_s = 0.0

    def trial_closed(self, trial: StoredTrial) -> None:
        """Notes what has been exported."""
        if isinstance(trial.outcome, CheckpointOf) and trial.digest is not None:
            self._done.add((trial.digest, trial.outcome.epochs))

    def wanted(self, ready: Ready, epoch: int, result: RungResult) -> tuple[str, ...] | None:
        """Whether a training that pauses is worth a file.

        Args:
            ready: the training.
            epoch: epochs that it has been trained for.
            result: what it reads after them.

        Returns:
            Further precisions that its weights are worth storing in; None when it is not worth any file.
        """
        pruned_later = Phases.of(self._epochs, ready.architecture.prune_percent).cut_after
        if (ready.architecture.digest, epoch) in self._done or not result.reads:
            return None
        if pruned_later is not None and epoch <= pruned_later:
            return None  # its file would be that of the whole network
        others = []
        for precision in self._proposer.still_missing(ready.architecture):
            variant = self._proposer.variant(ready, ready.architecture.with_(precision=precision))
            if self._progress.would_extend_front(_expected(result, variant.costs)):
                others.append(precision)
        if others or self._progress.would_extend_front(_expected(result, ready.costs)):
            return tuple(others)
        return None

    def begin(self, number: int, epoch: int) -> None:
        """Notes that the export of a trial has been started."""
        self._under_way[number] = (epoch, self._clock())

    def end(self, number: int) -> int:
        """Notes that the export of a trial has ended; returns the epochs that it had been trained for."""
        epoch, began = self._under_way.pop(number)
        self._longest_s = max(self._longest_s, self._clock() - began)
        return epoch

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


def _expected(result: RungResult, costs: Costs) -> Measurement:
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
