"""Records a training that has reached its last epoch: its precision variants first, then the trial itself."""

from __future__ import annotations

from studies.run.judged import Ready
from studies.run.parts import Parts
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
        for other in candidate.also:
            self._add_variant(ready, other)
        self._recorder.finish(ready, candidate)

    def _add_variant(self, trained: Ready, candidate: Candidate) -> None:
        variant = self._proposer.ready_variant(trained, candidate.architecture)
        if variant is None:
            return
        over = self._recorder.add_variant(variant, candidate)
        if over is not None:
            self._seen.put_over_limit(variant.digest, trained.number, over)
            self._schedule.add_infeasible(trained.number, variant.params, over.violation)
