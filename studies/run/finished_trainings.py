"""Records a training that has reached its last epoch: its precision variants first, then the trial itself."""

from __future__ import annotations

from studies.run.judged import Ready
from studies.run.parts import Parts
from studies.storage.outcomes import OverLimit
from trainers.base.candidate import Candidate


class FinishedTrainings:
    """Records finished trainings of one run.

    Args:
        parts: the parts of the run.
    """

    def __init__(self, parts: Parts) -> None:
        self._proposer, self._recorder = parts.proposer, parts.recorder
        self._seen, self._schedule = parts.seen, parts.schedule
        self._beginnings, self._epochs = parts.beginnings, parts.study.budget.epochs

    def record(self, ready: Ready, candidate: Candidate) -> None:
        """Closes a trial with what its training has come to.

        Its weights are kept and its variants recorded before it is closed: a run that is killed in between finds them in its
        folder again.

        Args:
            ready: the trial.
            candidate: its file, and those of other precisions.
        """
        self._recorder.note_lineage(ready, candidate.lineage)
        self._beginnings.keep(ready, self._epochs, candidate.measurement.cer)
        files = {candidate.architecture.precision: (ready.number, ready, candidate)}
        for other in sorted(candidate.also, key=lambda other: other.asked_precision is not None):
            self._add_variant(ready, other, files)
        self._recorder.finish(ready, candidate)

    def _add_variant(self, trained: Ready, candidate: Candidate, files: dict[str, tuple[int, Ready, Candidate]]) -> None:
        """Records a file of a training, unless it is one of those that are there already.

        Args:
            trained: the trial that was trained.
            candidate: the file.
            files: precision to the file that is stored in it: its trial, what that was asked for, and the file.
        """
        variant, stored = self._proposer.ready_variant(trained, candidate.asked), candidate.architecture.precision
        if variant is None:
            return
        if stored in files:
            if candidate.asked_precision is not None:  # otherwise the trial that has the file answers for this precision, too
                self._recorder.add_equal(variant, *files[stored])
            return
        added = self._recorder.add_variant(variant, candidate)
        if isinstance(added, OverLimit):
            self._seen.put_over_limit(variant.digest, trained.number, added)
            self._schedule.add_infeasible(trained.number, variant.params, added.violation)
        else:
            files[stored] = (added.number, variant, candidate)
