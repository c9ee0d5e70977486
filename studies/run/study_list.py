"""The studies of a workspace at a glance: state, trials, best candidate, size on disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from studies.registry.quick_look import runs_of_studies
from studies.storage.backends import open_storage
from studies.storage.front_point import FrontPoint
from studies.storage.lease import runner_of
from studies.storage.pareto_front import current, points_of
from studies.storage.parsed_trials import parsed
from studies.storage.stored_names import names_of_paretext
from studies.storage.stored_trial import StoredTrial
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError

State = Literal["running", "complete", "stopped", "not started", "files only", "damaged"]
"""State of a study. "stopped": it ended before all its trials were done, and the same command continues it. "files only": it is
not in the storage any more, and its files were left behind. "damaged": it has values that cannot be read."""


@dataclass(frozen=True)
class StudySummary:
    """A study at a glance.

    Attributes:
        name: of the study.
        state: see `State`.
        trials: finished trials, as the budget counts them.
        wanted: trials that end the study; None where its time alone does.
        waiting: suspended trainings that the next run resumes.
        best: the most accurate candidate of those that may be on the front, of equally accurate ones the smallest; None while
            nothing reads.
        changed: when its last trial began or ended, in local time; None if there is none.
        size_bytes: of its files: models, logs, checkpoints, and the copies of models that MLflow has.
        runner: the process that runs it, as "HOST:PID"; None if none does.
        fault: why it cannot be read, in one line; None if it can.
    """

    name: str
    state: State
    trials: int = 0
    wanted: int | None = None
    waiting: int = 0
    best: FrontPoint | None = None
    changed: datetime | None = None
    size_bytes: int = 0
    runner: str | None = None
    fault: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; of the best candidate its trial, accuracy and bytes."""
        best = self.best
        return {
            "name": self.name,
            "state": self.state,
            "trials": self.trials,
            "wanted_trials": self.wanted,
            "waiting_trainings": self.waiting,
            "best_trial": None if best is None else best.trial,
            "best_accuracy": None if best is None else best.accuracy,
            "best_size_bytes": None if best is None else best.size_bytes,
            "changed": None if self.changed is None else self.changed.isoformat(timespec="seconds"),
            "files_bytes": self.size_bytes,
            "runner": self.runner,
            "fault": self.fault,
        }


def list_studies(workspace: Workspace) -> list[StudySummary]:
    """All studies of a workspace, the one that was changed last first. One that is damaged hides no other.

    Raises:
        UserError: the storage cannot be read, or none of its studies.
    """
    runs = runs_of_studies(workspace)
    found, faults = [], []
    if workspace.holds_studies:
        storage = open_storage(workspace.optuna_url)
        for name in names_of_paretext(storage):
            of_study = runs.get(name, ())
            try:
                found.append(summary_of(StudyStore.open(storage, name), workspace, of_study))
            except UserError as error:
                faults.append(error)
                found.append(StudySummary(name, "damaged", size_bytes=files_of(workspace, name, of_study), fault=str(error)))
        if faults and len(faults) == len(found):
            raise faults[0]
    known = {summary.name for summary in found}
    for name in sorted(_names_of_folders(workspace) - known):
        found.append(StudySummary(name, "files only", size_bytes=files_of(workspace, name, runs.get(name, ()))))
    return sorted(found, key=lambda summary: summary.changed or datetime.min, reverse=True)


def summary_of(store: StudyStore, workspace: Workspace, runs: Sequence[str] = ()) -> StudySummary:
    """A study at a glance.

    Args:
        store: the study.
        workspace: holds its files.
        runs: IDs of its MLflow runs.
    """
    name, frozen = store.optuna_study.study_name, store.trials()
    trials = parsed(frozen, name)
    try:
        wanted = store.study.budget.wanted_trials
    except UserError:  # it needs a package that is not installed here
        wanted = None
    done = sum(trial.counts_against_budget for trial in trials)
    runner, resumable = runner_of(store), {trial.digest for trial in trials if trial.may_be_resumed or trial.is_open}
    waiting = len(resumable - {trial.digest for trial in trials if trial.is_trained})
    return StudySummary(
        name=name,
        state=_state(trials, runner, wanted is not None and done >= wanted and not waiting),
        trials=done,
        wanted=wanted,
        waiting=waiting,
        best=_best(current(points_of(trials, workspace, store.epochs, store.written_recipe))),
        changed=max(_times(frozen), default=None),
        size_bytes=files_of(workspace, name, runs),
        runner=runner,
    )


def files_of(workspace: Workspace, name: str, runs: Iterable[str] = ()) -> int:
    """Bytes of the files of a study.

    Args:
        workspace: holds them.
        name: of the study.
        runs: IDs of its MLflow runs.
    """
    folders = [*workspace.folders(name), *(workspace.mlflow_artifacts / run for run in runs)]
    return sum(_bytes(folder) for folder in folders)


def _times(trials: Iterable[Any]) -> Iterator[datetime]:
    """When each of Optuna's trials ended, or began if it has not ended, in local time."""
    times = (trial.datetime_complete or trial.datetime_start for trial in trials)
    return (time for time in times if time is not None)


def _state(trials: Sequence[StoredTrial], runner: str | None, complete: bool) -> State:
    if runner is not None:
        return "running"
    if not trials:
        return "not started"
    return "complete" if complete else "stopped"


def _best(points: Iterable[FrontPoint]) -> FrontPoint | None:
    """The most accurate one that reads."""
    return max((p for p in points if p.reads), key=lambda p: (p.accuracy, -p.size_bytes), default=None)


def _bytes(folder: Path) -> int:
    """Bytes of all files below a folder; a file that is deleted meanwhile counts nothing."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += (Path(place) / name).stat().st_size
    return total


def _names_of_folders(workspace: Workspace) -> set[str]:
    """Names of studies that have folders, empty ones aside."""
    places = (workspace.folder / "studies", workspace.models)
    folders = [folder for place in places if place.is_dir() for folder in place.iterdir() if folder.is_dir()]
    return {folder.name for folder in folders if any(folder.iterdir())}
