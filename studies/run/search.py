"""Runs a study until its budget is spent. A study that exists already is resumed.

Decisions:
- The driver alone writes to Optuna and MLflow; workers only train and report.
- Nothing is written to the study before the data, the limits and the space have been checked.
- One process runs a study at a time. On one machine a lock ensures this, which ends with its process, even by `kill -9`; on
  several machines a lease does.
"""

from __future__ import annotations

import time
from typing import Literal

from studies.definition.begin_spec import absolute_begin
from studies.definition.data_section import Data
from studies.definition.run_settings import of_this_run
from studies.definition.study import Study
from studies.engines.base import Engine
from studies.engines.catalog import engines
from studies.registry.front_record import DrawFront
from studies.registry.run_tracker import RunTracker
from studies.registry.tracker import Tracker
from studies.run.assembly import assembled
from studies.run.budget import INTERRUPTED, TIME_IS_UP
from studies.run.driver import Driver
from studies.run.fault_watch import run_faults
from studies.run.held_out_scores import LONGEST_S, read_test_lines
from studies.run.longer_trainings import epochs_of_this_run
from studies.run.observer import Observer, SilentObserver, Summary
from studies.run.study_log import StudyLog
from studies.storage.backends import Storage, open_storage
from studies.storage.pareto_front import stored_points
from studies.storage.stored_names import check_may_begin
from studies.storage.study_faults import NoSuchStudy
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_lock import LockHeld, locked

INTERRUPTED_WAIT_S = 5.0
"""Seconds that a search waits for MLflow when it is interrupted or its time is up. The next run writes what is missing."""


def search(
    study: Study,
    workspace: Workspace,
    observer: Observer | None = None,
    engine: Engine | None = None,
    tracker: Tracker | None = None,
    began: float | None = None,
    accept_data: bool = False,
    draw: DrawFront | None = None,
) -> Summary:
    """Runs a study until its budget is spent.

    Args:
        study: the study. If one of this name exists, it is resumed, and only the budget and where to train are taken from here.
        workspace: the folder that holds studies, models and logs.
        observer: receives everything that happens; None prints nothing.
        engine: where to train; None means the engine that the study names. It is closed at the end.
        tracker: records the study and its trials; None means MLflow.
        accept_data: continue a study although its training or validation lines have changed since its trials were measured.
        draw: draws the front for MLflow (`studies.registry.front_record`); None: it gets a table and no picture.
        began: `time.monotonic()` from which the time limit counts; None means now.

    Raises:
        UserError: the study is being run by another process, its data cannot be read or have changed, nothing can meet its
            limits, or the cluster does not answer; as a `RunFault`, that the run met a fault of the machine, such as a full
            disk.
    """
    began = time.monotonic() if began is None else began
    workspace.prepare()
    observer = observer or SilentObserver()
    try:
        with (
            locked(workspace.lock(f"study-{study.name}"), wait=False),
            StudyLog(workspace.log(study.name), observer) as log,
        ):
            return _run(study, workspace, log, engine, tracker, began, accept_data, draw)
    except LockHeld:
        raise UserError(
            f"study '{study.name}' is being run by another process; wait until it ends, or start another study with --name"
        ) from None


def _run(
    study: Study,
    workspace: Workspace,
    observer: Observer,
    engine: Engine | None,
    tracker: Tracker | None,
    began: float,
    accept_data: bool,
    draw: DrawFront | None,
) -> Summary:
    storage = open_storage(workspace.optuna_url, observer.note)
    study = _as_stored(_with_absolute_paths(study), storage, observer)
    if engine is None:
        engine = engines[study.search.engine](
            study.search
        )  # first, so that its processes import torch while the data are prepared
    tracker = RunTracker(workspace, study.name, observer.note, draw) if tracker is None else tracker
    try:
        try:
            with assembled(study, workspace, observer, engine, tracker, storage, accept_data) as (parts, epochs), run_faults():
                summary = Driver(parts, began, epochs).run()
        finally:
            engine.close()
        in_a_hurry = summary.reason in (TIME_IS_UP, INTERRUPTED)
        read_test_lines(parts.store, workspace, parts.prepared, observer, tracker, LONGEST_S if in_a_hurry else None)
        tracker.log_front(stored_points(parts.store, workspace), parts.store.objectives)
    except BaseException:  # also Ctrl-C: MLflow must not show the run as running
        tracker.finish("stopped", wait_s=INTERRUPTED_WAIT_S)
        raise
    end: Literal["complete", "stopped"] = "stopped" if summary.reason == INTERRUPTED else "complete"
    if in_a_hurry:
        tracker.finish(end, wait_s=INTERRUPTED_WAIT_S)
    else:
        tracker.finish(end)
    observer.study_finished(summary)
    return summary


def stored_study(workspace: Workspace, name: str) -> Study | None:
    """Returns a study as it was stored by its first run; None if there is no study of this name."""
    if not workspace.holds_studies:
        return None
    try:
        return StudyStore.open(open_storage(workspace.optuna_url), name).study
    except NoSuchStudy:
        return None


def _with_absolute_paths(study: Study) -> Study:
    """The study with paths that are right in any folder."""
    search = study.search.model_copy(update={"begin": absolute_begin(study.search.begin)})
    return study.model_copy(update={"data": study.data.absolute(), "search": search})


def _as_stored(study: Study, storage: Storage, observer: Observer) -> Study:
    """Returns the stored study with the budget and the place to train of this run; a new study is returned as it is."""
    try:
        stored = StudyStore.open(storage, study.name).study
    except NoSuchStudy:  # none yet, or one that a killed search had only begun to create
        check_may_begin(storage, study.name)
        return study
    stored = stored.model_copy(update={"data": _data_here(stored.data.absolute(), study.data, observer)})
    asked = study.model_dump(mode="json")
    kept = stored.model_dump(mode="json")
    differing = ["data"] if study.data.differs_from(stored.data) else []
    differing += [key for key in ("limits", "recipe", "space") if asked[key] != kept[key]]
    searches = asked["search"], of_this_run(stored.search, study.search).model_dump(mode="json")
    differing += [f"search.{key}" for key, value in searches[0].items() if value != searches[1][key]]
    if differing:
        observer.note(
            f"study '{study.name}' resumes with its stored settings; "
            f"new values of {', '.join(differing)} are ignored (use --name for a new study)"
        )
    epochs, line = epochs_of_this_run(stored, study)
    if line is not None:
        observer.note(line)
    budget = study.budget.model_copy(update={"epochs": epochs})
    return stored.model_copy(update={"budget": budget, "search": of_this_run(stored.search, study.search)})


def _data_here(stored: Data, asked: Data, observer: Observer) -> Data:
    """Returns the data of a stored study, with the paths of this request where they are no longer where they were.

    Whether they are the same data is seen once they are read (`studies.run.data_identity`).
    """
    moved = stored.with_paths_of(asked)
    if moved == stored or stored.is_there() or not asked.is_there():
        return stored
    observer.note(f"the data of the study are no longer in {stored.source}; they are read from {asked.source}")
    return moved
