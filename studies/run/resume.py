"""How a search resumes a study whose earlier run was killed, was interrupted, or has spent its budget.

1. The same command opens the study. `studies.storage.lease` ensures that no other process runs it: the lease of a dead process
   of this machine is ignored; the lease of another machine has to expire.
2. Every trial is parsed (`StudyStore.stored_trials`), and the callbacks learn from the closed ones: seen architectures,
   progress, sampler and early stopping, MLflow (`studies.run.assembly`).
3. `EarlierRuns` hands out what is left, before anything new is proposed: first trials that are still open, which a killed run
   was training or had paused at a rung; then suspended ones, which get a new trial; then the warm start.
4. `Driver` puts each where it was: paused at its rung, or in training. The engine continues from the checkpoint in the trial's
   folder (`trainers.training.checkpoint`), which is written after every epoch.
5. If this run asks for more epochs than the one before, trainings that ended there may continue: those whose checkpoints
   `studies.run.clear_files` has kept. Each gets a new trial, which says what it continues, once early stopping resumes it or
   nothing new may start. The measured trial stays as it is, a point of its own.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import replace

from studies.definition.configuration import Configuration
from studies.storage.stored_trial import RungResult, StoredTrial, TrainingMark, last_trainings


class EarlierRuns:
    """The trials that earlier runs left open or suspended, and then the warm start, in the order in which they are trained.

    Args:
        trials: of the study, oldest first.
        warm_start: configurations to try first.
        ended: trials that were measured at the last epoch of an earlier run and may train further, best first.
    """

    def __init__(
        self, trials: Sequence[StoredTrial], warm_start: Iterable[Configuration], ended: Iterable[StoredTrial] = ()
    ) -> None:
        self._open = deque(trial for trial in trials if trial.is_open)
        suspended = [trial for trial in last_trainings(trials).values() if trial.may_be_resumed]
        self._planned: deque[tuple[Configuration, StoredTrial | None]] = deque(
            (trial.configuration, trial) for trial in suspended if trial.configuration is not None
        )
        self._planned.extend((configuration, None) for configuration in warm_start)
        self._ended = {trial.number: _promoted(trial) for trial in ended}

    def next_open(self) -> StoredTrial | None:
        """A trial that is still open; None when there is none left."""
        return self._open.popleft() if self._open else None

    @property
    def still_open(self) -> frozenset[int]:
        """Numbers of the open trials that have not been handed out."""
        return frozenset(trial.number for trial in self._open)

    def next_planned(self) -> tuple[Configuration, StoredTrial | None] | None:
        """A configuration to open a trial for, and the suspended trial that it continues; None when there is none left."""
        return self._planned.popleft() if self._planned else None

    def take_ended(self, number: int | None = None) -> StoredTrial | None:
        """A measured trial that may train further, once; None when there is none.

        Args:
            number: of the trial; None takes the best of those that are left.
        """
        if number is None:
            number = next(iter(self._ended), None)
        return None if number is None else self._ended.pop(number, None)


def _promoted(trial: StoredTrial) -> StoredTrial:
    """A measured trial as if its last epoch were a rung from which it had been promoted."""
    reached, measured = trial.epochs_trained, trial.measurement
    if measured is None:
        return trial
    rungs = {**trial.rungs, reached: RungResult(measured.cer, measured.accuracy)}
    return replace(trial, rungs=rungs, training=TrainingMark("", reached + 1, ""))
