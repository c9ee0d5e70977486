"""Removes the working files of closed trials, and decides which of them keep their checkpoint.

Decisions:
- A suspended trial keeps its checkpoint: the next run resumes it.
- A training that reached its last epoch keeps its checkpoint while a file of it is on the front, if its recipe has no planned
  end (`Recipe.is_anytime`): a later run with more epochs may take it further. At most `MOST_KEPT` are kept, those with the most
  accurate files. A checkpoint holds the weights, their average and two moments of the optimizer in fp32: about 16 bytes a
  weight, so 1 to 10 MB for the networks of the default space.
- A training that ended in a run with fewer epochs is compared with files that were trained no longer than it: that others have
  been taken further already is no reason to give it up.
- Everything else is removed: what is not on the front is hardly worth more epochs.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from studies.definition.study import Study
from studies.run.seen_architectures import SeenArchitectures
from studies.run.study_progress import StudyProgress
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf, Running
from studies.storage.stored_trial import StoredTrial, last_trainings
from studies.workspace.trial_files import TrialFiles

MOST_KEPT = 16
"""Most checkpoints of finished trainings that a study keeps: fronts have 3 to 20 points, and of one training there are often
several (its precisions)."""


class ClearFiles:
    """Removes a trained trial's working files once it is closed; a `TrialCallback`.

    Args:
        files: of the study.
        progress: knows the front; it must receive a closed trial before this object does.
        study: its recipe and epochs count.
    """

    def __init__(self, files: TrialFiles, progress: StudyProgress, study: Study) -> None:
        self._files, self._progress, self._study = files, progress, study
        self._keeps = study.training_recipe.is_anytime
        self._digests: dict[int, str] = {}  # of all trials that have trained
        self._kept: dict[str, int] = {}  # digest to trial, of the checkpoints that this run may still remove

    def trial_closed(self, trial: StoredTrial) -> None:
        if not trial.is_trained or trial.digest is None:
            return
        self._digests[trial.number] = trial.digest
        ended = self._keeps and isinstance(trial.outcome, Measured)
        worth = set(self._worth())
        if ended and trial.digest in worth and self._files.keep_checkpoint(trial.number, trial.digest):
            self._kept[trial.digest] = trial.number
        else:
            self._files.clear(trial.number, trial.digest)
        for digest in [digest for digest in self._kept if digest not in worth]:
            self._files.clear(self._kept.pop(digest), digest)

    def start(self, trials: Sequence[StoredTrial], seen: SeenArchitectures) -> list[StoredTrial]:
        """Removes what earlier runs have left and no run needs, also one that was killed right after it had closed a trial.

        Args:
            trials: of the study; `progress` must know them.
            seen: what they came to.

        Returns:
            Trials that ended before the last epoch of this run and may be taken further, the most accurate first.
        """
        last = last_trainings(trials)
        self._digests.update((t.number, t.digest) for t in trials if t.is_trained and t.digest is not None)
        worth = self._worth_of_earlier_runs(trials, last) if self._keeps else []
        left = {digest for digest in self._files.left() if not self._is_over(digest, last, seen, worth)}
        ended = {digest: last[digest] for digest in worth if digest in left}
        short = {digest: trial for digest, trial in ended.items() if _epochs(trial) < self._study.budget.epochs}
        self._kept = {digest: trial.number for digest, trial in ended.items() if digest not in short}
        return list(short.values())

    def _is_over(self, digest: str, last: Mapping[str, StoredTrial], seen: SeenArchitectures, worth: Collection[str]) -> bool:
        """Removes the files of an architecture whose training is over; returns whether it has."""
        known, trial = seen.get(digest), last.get(digest)
        if known is None or isinstance(known.outcome, Running):
            return False
        if trial is not None and trial.continues is not None and not trial.is_trained:
            return False
        if trial is not None and digest in worth and self._files.keep_checkpoint(trial.number, digest):
            return False
        self._files.clear(known.number, digest)
        return True

    def _worth_of_earlier_runs(self, trials: Sequence[StoredTrial], last: Mapping[str, StoredTrial]) -> list[str]:
        """Digests of finished trainings whose checkpoints are worth keeping, the longest and then the most accurate first."""
        length = {trial.number: _epochs(trial) for trial in trials}
        for trial in trials:  # studies of before did not record the epochs of a precision variant
            if isinstance(trial.outcome, PrecisionVariantOf) and not length[trial.number]:
                length[trial.number] = length.get(trial.outcome.trial, 0)
        ended = {digest: trial for digest, trial in last.items() if isinstance(trial.outcome, Measured) and _epochs(trial)}
        worth: list[str] = []
        for end in sorted({_epochs(trial) for trial in ended.values()}, reverse=True):
            progress = StudyProgress(self._study)
            for trial in trials:
                if length[trial.number] <= end:
                    progress.trial_closed(trial)
            worth += [digest for digest in self._trainings(progress) if digest in ended and _epochs(ended[digest]) == end]
        return worth[:MOST_KEPT]

    def _worth(self) -> list[str]:
        """Digests of the trainings with files on the front, the one with the most accurate file first."""
        return self._trainings(self._progress)[:MOST_KEPT]

    def _trainings(self, progress: StudyProgress) -> list[str]:
        digests = (self._digests[number] for number in progress.front_trainings if number in self._digests)
        return list(dict.fromkeys(digests))


def _epochs(trial: StoredTrial) -> int:
    """Epochs that the file of a trial was trained for; 0 when it has none, or that is not known."""
    outcome = trial.outcome
    return outcome.epochs or 0 if isinstance(outcome, Measured | PrecisionVariantOf | CheckpointOf) else 0
