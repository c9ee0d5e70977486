"""Where trials are closed: in the store first, then in the seen, in MLflow and before the eyes of the observer.

Whatever becomes of a trial is written here and nowhere else, in an order that loses nothing: what a person has seen is
recorded, and files are cleared away only after that.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial, TrialState

from studies.definition.study import Study
from studies.objectives.limits import Excess, excess_of
from studies.objectives.pareto import front_numbers
from studies.registry.run_tracker import RunTracker
from studies.run.observer import Observer, TrialRecord
from studies.run.proposer import Ready
from studies.run.schedule import rung_records
from studies.run.seen_architectures import Entry, SeenArchitectures
from studies.storage.study_store import StudyStore, distributions
from studies.workspace.paths import Workspace
from studies.workspace.trial_files import TrialFiles
from trainers.base.atomic_write import atomic_write
from trainers.base.candidate import Candidate, Measurement

SHARED = "shares_training_of"
"""Attribute of a trial that was not trained itself: the number of the trial whose training it shares."""


@dataclass
class TrialRecorder:
    """Closes the trials of one study.

    Attributes:
        study: the study.
        workspace: where its files are.
        store: the record.
        seen: what has been met.
        observer: who watches.
        tracker: MLflow's copy.
        files: what trials leave while they train.
        trained: candidates that count towards the budget of trials.
        results: measurements of those that were trained to the end.
    """

    study: Study
    workspace: Workspace
    store: StudyStore
    seen: SeenArchitectures
    observer: Observer
    tracker: RunTracker
    files: TrialFiles
    trained: int = 0
    results: list[Measurement] = field(default_factory=list)

    def take_stock(self, trials: list[FrozenTrial]) -> None:
        """Counts what earlier runs have closed, and does what they did not come to: clears away, and gives MLflow the rest."""
        self._clear_the_closed()
        for trial in trials:
            self.trained += counts(trial)
            attrs = trial.user_attrs
            if not (counts(trial) or SHARED in attrs) or attrs.get("over_budget") or "architecture" not in attrs:
                continue
            if trial.state == TrialState.COMPLETE:
                self.results.append(Measurement.from_dict(attrs["measurement"]))
                self._mirror(trial.number, attrs["architecture"], attrs["measurement"], "complete", Path(attrs["model"]))
            else:
                state = "failed" if trial.state == TrialState.FAIL else "stopped"
                self._mirror(trial.number, attrs["architecture"], None, state, None)

    @property
    def front_points(self) -> int:
        """How many of the results no other beats in the objectives of the study; equal ones count once."""
        objectives = self.study.objectives
        points = sorted({tuple(o.minimised(o.measured(result)) for o in objectives) for result in self.results})
        return front_numbers(points).count(0)

    @property
    def target_met(self) -> bool:
        """Whether a candidate is as good as the budget asks for."""
        target = self.study.budget.target
        return target is not None and any(target.met_by(result.accuracy, result.size_bytes) for result in self.results)

    def finish(self, ready: Ready, candidate: Candidate) -> TrialRecord:
        """A training that reached its end."""
        self.trained += 1
        excess = excess_of(candidate.measurement, self.study.limits.by_cost)
        if excess is not None:
            return self._over_a_limit(ready, candidate, excess)
        kept = self._keep(ready, candidate)
        self.store.tell_complete(ready.number, kept, epoch=self.study.budget.epochs)
        self.results.append(candidate.measurement)
        self.seen.put(ready.architecture.digest, Entry(ready.number, "complete", kept))
        measured = candidate.measurement
        self._mirror(ready.number, ready.architecture.as_dict(), measured.as_dict(), "complete", kept.model)
        return self._close(ready, TrialRecord(ready.number, "complete", ready.architecture, measured, ""))

    def also(self, ready: Ready, candidate: Candidate) -> TrialRecord | None:
        """What a training that reached its end has given besides: a trial of its own, which the budget does not count.

        Args:
            ready: the sibling, under the number of the trial that was trained.
            candidate: its file and measurement.

        Returns:
            How the sibling's trial ended; None when its file is over a limit.
        """
        architecture, digest = ready.architecture, ready.architecture.digest
        excess = excess_of(candidate.measurement, self.study.limits.by_cost)
        if excess is not None:
            self.seen.put(digest, Entry(ready.number, "over_budget", reason=excess.reason, violation=excess.violation))
            return None
        kept = self._keep(ready, candidate)
        reason = f"the training of trial {ready.number}, stored as {architecture.precision}"
        facts: dict[str, Any] = {"architecture": architecture.as_dict(), "digest": digest, "costs": asdict(ready.costs)}
        facts |= {SHARED: ready.number, "estimated_bytes": ready.size_bytes, "end_reason": reason}
        number = self.store.add_complete(ready.params, distributions(self.study.search_space), kept, **facts)
        self.results.append(candidate.measurement)
        self.seen.put(digest, Entry(number, "complete", kept))
        self._mirror(number, architecture.as_dict(), candidate.measurement.as_dict(), "complete", kept.model)
        record = TrialRecord(number, "shared", architecture, candidate.measurement, reason)
        self.observer.trial_finished(number, record)
        return record

    def fail(self, ready: Ready, reason: str) -> TrialRecord:
        """A training that could not go on."""
        self.trained += 1
        self.store.tell_failed(ready.number, reason)
        self.seen.put(ready.architecture.digest, Entry(ready.number, "failed", reason=reason))
        self._mirror(ready.number, ready.architecture.as_dict(), None, "failed", None)
        return self._close(ready, TrialRecord(ready.number, "failed", ready.architecture, None, reason))

    def stop(self, ready: Ready, epoch: int, reason: str) -> TrialRecord:
        """A training that will not go on."""
        self.trained += 1
        self.store.tell_stopped(ready.number, reason, epoch=epoch)
        self.seen.put(ready.architecture.digest, Entry(ready.number, "stopped", reason=reason))
        self._mirror(ready.number, ready.architecture.as_dict(), None, "stopped", None)
        return self._close(ready, TrialRecord(ready.number, "stopped", ready.architecture, None, reason))

    def rest(self, ready: Ready, epoch: int, why: str) -> TrialRecord:
        """A training that the next run of the study takes up from its checkpoint, since the budget is spent."""
        reason = f"{why}; it rests after epoch {epoch}"
        self.store.tell_stopped(ready.number, reason, resumable=True, epoch=epoch)
        self.seen.drop(ready.architecture.digest)
        record = TrialRecord(ready.number, "resting", ready.architecture, None, reason)
        self.observer.trial_finished(ready.number, record)
        return record

    def _over_a_limit(self, ready: Ready, candidate: Candidate, excess: Excess) -> TrialRecord:
        """The trained file turned out to cost more than was expected, and is over a limit."""
        measured = candidate.measurement
        reason = f"its file is over a limit: {excess.reason}"
        facts = {"over_budget": True, "trained": True, "measurement": measured.as_dict(), "epoch": self.study.budget.epochs}
        self.store.tell_infeasible(ready.number, reason, excess.violation, **facts)
        entry = Entry(ready.number, "over_budget", reason=reason, violation=excess.violation)
        self.seen.put(ready.architecture.digest, entry)
        return self._close(ready, TrialRecord(ready.number, "over_budget", ready.architecture, measured, reason))

    def _keep(self, ready: Ready, candidate: Candidate) -> Candidate:
        """Copies the file to where models are kept; its recorded path is relative to the workspace folder.

        The copy is on the disk when this returns: a database row never outlives the model file that it names.
        """
        kept = self.workspace.models / self.study.name / f"{ready.number:05d}-{ready.architecture.digest}.onnx"
        with atomic_write(kept) as temporary:
            shutil.copyfile(candidate.model, temporary)
        return replace(candidate, architecture=ready.architecture, model=kept.relative_to(self.workspace.folder), also=())

    def _close(self, ready: Ready, record: TrialRecord) -> TrialRecord:
        self.observer.trial_finished(ready.number, record)
        self.files.clear(ready.number, ready.architecture.digest)
        return record

    def _clear_the_closed(self) -> None:
        """A run that was killed right after it had closed a trial has left its files."""
        for digest in self.files.left():
            entry = self.seen.get(digest)
            if entry is not None and entry.fate != "running":
                self.files.clear(entry.number, digest)

    def _mirror(self, number: int, architecture: dict[str, Any], measured: Any, state: str, model: Path | None) -> None:
        self.tracker.log_trial(number, architecture, measured, state, model and self.workspace.folder / model, {})


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial is one of the closed candidates that the budget of trials counts."""
    attrs = trial.user_attrs
    if "duplicate_of" in attrs or SHARED in attrs or attrs.get("resumable") or attrs.get("refused"):
        return False
    if attrs.get("over_budget"):
        return bool(attrs.get("trained"))
    return trial.state.is_finished()


def epochs_spent(trials: Iterable[FrozenTrial]) -> int:
    """Epochs that earlier runs have trained; of a training that was killed, those up to its last rung."""
    spent: dict[str, int] = {}  # by digest: a training that rested goes on as another trial
    for trial in trials:
        attrs = trial.user_attrs
        if "digest" in attrs and "duplicate_of" not in attrs and SHARED not in attrs:
            digest = str(attrs["digest"])
            spent[digest] = max([spent.get(digest, 0), int(attrs.get("epoch", 0)), *rung_records(trial)])
    return sum(spent.values())
