"""Closes trials: writes their outcome to the study and then calls the callbacks (`studies.run.callbacks`) in their order.

Nothing else closes a trial. A new kind of outcome is added in `studies.storage.outcomes`; mypy then names the places that must
handle it.
"""

from __future__ import annotations

import contextlib
import errno
import shutil
from collections.abc import Container, Sequence
from dataclasses import replace
from pathlib import Path

from studies.definition.study import Study
from studies.objectives.limits import excess_of
from studies.run.callbacks import TrialCallback
from studies.run.inherited_training import InheritedTraining
from studies.run.judged import Ready
from studies.storage.distributions import distributions
from studies.storage.outcomes import (
    CheckpointOf,
    Duplicate,
    Measured,
    Outcome,
    OverLimit,
    PrecisionVariantOf,
    Stopped,
    Suspended,
)
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.atomic_write import atomic_write
from trainers.base.candidate import Candidate, is_whole
from trainers.base.lineage import Lineage
from trainers.trial.training_record import record_file


class TrialRecorder:
    """Closes the trials of one study.

    Args:
        study: its limits and its epochs count.
        workspace: where models are kept.
        store: the study as it is stored.

    Attributes:
        callbacks: called with every closed trial, in this order.
        lineages: number of a trial to what its network inherited.
        inherited: the same for the sampler.
    """

    def __init__(self, study: Study, workspace: Workspace, store: StudyStore) -> None:
        self._study, self._workspace, self._store = study, workspace, store
        self._distributions = distributions(study.joint_space)
        self.callbacks: Sequence[TrialCallback] = ()
        self.lineages: dict[int, Lineage] = {}
        self.inherited = InheritedTraining()

    def note_lineage(self, ready: Ready, lineage: Lineage | None) -> None:
        """Records what the network of an open trial inherited; None, and what is known already, changes nothing."""
        if lineage is not None and self.lineages.get(ready.number) != lineage:
            self._store.note_lineage(ready.number, lineage)
            self.lineages[ready.number] = lineage
            self.inherited.note(ready.params, lineage)

    def close(self, trial: StoredTrial) -> None:
        """Closes an open trial with its outcome."""
        trial = trial.inheriting(self.lineages.get(trial.number))
        self._store.close(trial)
        self._tell(trial)

    def finish(self, ready: Ready, candidate: Candidate) -> None:
        """Closes a trial whose training has reached its end, with what its file turned out to be."""
        self.close(ready.closed(self._outcome(ready, candidate)).stored(candidate.architecture.precision))

    def _outcome(self, ready: Ready, candidate: Candidate) -> Measured | OverLimit:
        """What a training that has reached its end comes to."""
        epochs = self._study.budget.epochs
        excess = excess_of(candidate.measurement, self._study.limits.by_cost)
        if excess is not None:
            reason = f"its file is over a limit: {excess.reason}"
            return OverLimit(reason, excess.violation, candidate.measurement, epochs)
        return Measured(candidate.measurement, self._keep(ready, candidate), epochs)

    def stop(self, ready: Ready, epochs: int) -> None:
        """Closes a trial that early stopping has ended after so many epochs."""
        at = f"at epoch {epochs}" if epochs else "at its rung"
        self.close(ready.closed(Stopped(epochs, f"not among the best {at}")))

    def suspend(self, ready: Ready, epochs: int, why: str) -> None:
        """Leaves a training to the next run of the study, which resumes it from its checkpoint."""
        self.close(ready.closed(Suspended(epochs, f"{why}; suspended after epoch {epochs}")))

    def add_variant(self, ready: Ready, candidate: Candidate) -> StoredTrial | OverLimit:
        """Records a precision variant that a training has given besides: a trial of its own, which no budget counts.

        Args:
            ready: the variant, under the number of the trial that was trained.
            candidate: its file and measurement.

        Returns:
            Its trial; `OverLimit` when its file is over a limit, and there is no trial of it.
        """
        excess = excess_of(candidate.measurement, self._study.limits.by_cost)
        if excess is not None:
            return OverLimit(excess.reason, excess.violation, candidate.measurement, self._study.budget.epochs)
        reason = f"the training of trial {ready.number}, stored as {ready.architecture.precision}"
        model = self._keep(ready, candidate)
        outcome = PrecisionVariantOf(ready.number, candidate.measurement, model, reason, self._study.budget.epochs)
        return self._add(ready, candidate, outcome)

    def add_equal(self, variant: Ready, of: int, other: Ready, candidate: Candidate) -> None:
        """Records a precision in which a training gives a file that it has given already, such as `coded` for a tiny file.

        Args:
            variant: with the precision that was asked for, under the number of the trial that was trained.
            of: the trial that has the file, or will have it.
            other: what that trial was asked for.
            candidate: the file and its measurement.
        """
        asked, stored = variant.architecture.precision, candidate.architecture.precision
        reason = f"the file of trial {of}: {stored} takes fewer bytes than {asked} here"
        self._add(variant, candidate, Duplicate(of, reason, self._outcome(other, candidate)))

    def add_checkpoint(self, ready: Ready, candidate: Candidate, epochs: int) -> None:
        """Records a file of a training before its end, or after its finish: a trial of its own, which no budget counts.

        Args:
            ready: what the file is, under the number of the trial that trains.
            candidate: the file and its measurement; one over a limit is not recorded.
            epochs: that the training has had.
        """
        if excess_of(candidate.measurement, self._study.limits.by_cost) is None:
            suffix = f"-epoch-{epochs}" + ("-finished" if candidate.measurement.finish_lines else "")
            model = self._keep(ready, candidate, suffix)
            outcome = CheckpointOf(ready.number, candidate.measurement, model, epochs)
            self._add(ready, candidate, outcome)

    def _add(self, ready: Ready, candidate: Candidate, outcome: Outcome) -> StoredTrial:
        """Records a file of a training as a trial of its own, with the lineage of the training."""
        trial = ready.closed(outcome).stored(candidate.architecture.precision).inheriting(self.lineages.get(ready.number))
        added = self._store.add(trial, self._distributions)
        self._tell(added)
        return added

    def close_opened_twice(self, except_for: Container[int] = ()) -> None:
        """Closes trials that were opened twice because the database's answer was lost; for the end of a run.

        Args:
            except_for: numbers of open trials that earlier runs have left and this one has not come to. The next run does.
        """
        left = [trial for trial in self._store.open_trials() if trial.number not in except_for]
        if left:
            first = {_key(t): t.number for t in self._store.stored_trials() if not t.is_open}
            for trial in left:
                if (of := first.get(_key(trial))) is not None:
                    self.close(trial.closed(Duplicate(of, "opened twice, because the database's answer was lost")))

    def _tell(self, trial: StoredTrial) -> None:
        for callback in self.callbacks:
            callback.trial_closed(trial)

    def _keep(self, ready: Ready, candidate: Candidate, suffix: str = "") -> Path:
        """Copies a candidate's file to where models are kept; returns its path relative to the workspace folder.

        The copy is on the disk when this returns: a database row never outlives the model file that it names. The record of its
        training (`trainers.trial.training_record`) is copied before it.

        Raises:
            OSError: the file cannot be copied, or is no longer the one that was measured.
        """
        kept = self._workspace.models / self._study.name / f"{ready.number:05d}-{ready.digest}{suffix}.onnx"
        with contextlib.suppress(FileNotFoundError), atomic_write(record_file(kept)) as temporary:
            shutil.copyfile(record_file(candidate.model), temporary)  # engines that do not train have none
        with atomic_write(kept) as temporary:
            shutil.copyfile(candidate.model, temporary)
            if not is_whole(replace(candidate, model=temporary)):
                raise OSError(
                    errno.EIO, f"{candidate.model} is not the file that was measured: it was damaged since", str(kept)
                )
        return kept.relative_to(self._workspace.folder)


def _key(trial: StoredTrial) -> tuple[tuple[str, object], ...]:
    """The parameters, comparable whatever their order."""
    return tuple(sorted(trial.params.items(), key=str))
