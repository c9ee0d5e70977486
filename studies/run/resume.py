"""How a search resumes a study whose earlier run was killed, was interrupted, or has spent its budget.

1. The same command opens the study. `studies.storage.lease` ensures that no other process runs it: the lease of a dead process
   of this machine is ignored; the lease of another machine has to expire.
2. Every trial is parsed (`StudyStore.stored_trials`), and the callbacks learn from the closed ones: seen architectures,
   progress, sampler and early stopping, MLflow (`studies.run.assembly`).
3. `EarlierRuns` hands out what is left, before anything new is proposed: first trials that are still open, which a killed run
   was training or had paused at a rung; then suspended ones, which get a new trial; then the warm start.
4. `Driver` puts each where it was: paused at its rung, or in training. The engine continues from the checkpoint in the trial's
   folder (`trainers.training.checkpoint`), which is written after every epoch.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence

from search_space.architecture import Architecture
from studies.storage.stored_trial import StoredTrial


class EarlierRuns:
    """The trials that earlier runs left open or suspended, and then the warm start, in the order in which they are trained.

    Args:
        trials: of the study, oldest first.
        warm_start: architectures to try first.
    """

    def __init__(self, trials: Sequence[StoredTrial], warm_start: Iterable[Architecture]) -> None:
        self._open = deque(trial for trial in trials if trial.is_open)
        suspended = {trial.digest: trial for trial in trials if trial.may_be_resumed}  # the last of each architecture
        self._planned: deque[tuple[Architecture, StoredTrial | None]] = deque(
            (trial.architecture, trial) for trial in suspended.values() if trial.architecture is not None
        )
        self._planned.extend((architecture, None) for architecture in warm_start)

    def next_open(self) -> StoredTrial | None:
        """A trial that is still open; None when there is none left."""
        return self._open.popleft() if self._open else None

    def next_planned(self) -> tuple[Architecture, StoredTrial | None] | None:
        """An architecture to open a trial for, and the suspended trial that it continues; None when there is none left."""
        return self._planned.popleft() if self._planned else None
