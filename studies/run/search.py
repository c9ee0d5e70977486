"""A search: runs a study until its budget is spent; goes on where an earlier run of the same name stopped.

Decisions:
- The driver alone writes to Optuna and MLflow; workers only train and report.
- Nothing is written to the study before the data, the limits and the space have been found to make sense.
- One process runs a study at a time: on one machine by a lock that dies with it, also by `kill -9`, on several by a lease.
"""

from __future__ import annotations

import time

from studies.definition.run_settings import of_this_run
from studies.definition.study import Study
from studies.engines.base import Engine
from studies.engines.catalog import engines
from studies.registry.run_tracker import RunTracker
from studies.registry.tracker import Tracker
from studies.run.assembly import assembled
from studies.run.budget import TIME_IS_UP
from studies.run.driver import INTERRUPTED, Driver
from studies.run.observer import Observer, SilentObserver, Summary
from studies.run.study_log import StudyLog
from studies.storage.backends import Storage, open_storage
from studies.storage.study_store import StudyStore
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_lock import LockHeld, locked

INTERRUPTED_WAIT_S = 5.0
"""How long a search that is interrupted, or whose time is up, waits for MLflow; the rest is written when the study goes on."""


def search(
    study: Study,
    workspace: Workspace,
    observer: Observer | None = None,
    engine: Engine | None = None,
    tracker: Tracker | None = None,
    began: float | None = None,
) -> Summary:
    """Runs a study until its budget is spent.

    Args:
        study: what to search; if a study of that name is there already, only its budget and workers count.
        workspace: where everything is kept.
        observer: told of everything that happens.
        engine: where to train; None is the one that the study names. It is closed at the end.
        tracker: records the study and its trials; None writes them to MLflow.
        began: `time.monotonic()` from which the study's time counts; None is now.

    Raises:
        UserError: the study is being run by another process, its data cannot be read, nothing can meet its limit, or the
            cluster does not answer.
    """
    began = time.monotonic() if began is None else began
    workspace.prepare()
    observer = observer or SilentObserver()
    try:
        with (
            locked(workspace.lock(f"study-{study.name}"), wait=False),
            StudyLog(workspace.log(study.name), observer) as log,
        ):
            return _run(study, workspace, log, engine, tracker, began)
    except LockHeld:
        raise UserError(
            f"study '{study.name}' is being run by another process; wait for it, or give this one another name with --name"
        ) from None


def _run(
    study: Study, workspace: Workspace, observer: Observer, engine: Engine | None, tracker: Tracker | None, began: float
) -> Summary:
    storage = open_storage(workspace.optuna_url, observer.note)
    study = _as_stored(study, storage, observer)
    if engine is None:
        engine = engines[study.search.engine](study.search)  # before the data: its processes import torch meanwhile
    tracker = RunTracker(workspace, study.name, observer.note) if tracker is None else tracker
    try:
        try:
            with assembled(study, workspace, observer, engine, tracker, storage) as (parts, epochs):
                summary = Driver(parts, began, epochs).run()
        finally:
            engine.close()
    except BaseException:  # Ctrl-C too: what MLflow shows must not go on running
        tracker.finish("stopped", wait_s=INTERRUPTED_WAIT_S)
        raise
    if summary.reason in (TIME_IS_UP, INTERRUPTED):
        tracker.finish("stopped", wait_s=INTERRUPTED_WAIT_S)
    else:
        tracker.finish("complete")
    observer.study_finished(summary)
    return summary


def stored_study(workspace: Workspace, name: str) -> Study | None:
    """The study of that name as it was first resolved; None when there is none yet."""
    if not workspace.holds_studies:
        return None
    try:
        return StudyStore.open(open_storage(workspace.optuna_url), name).study
    except UserError:
        return None


def _as_stored(study: Study, storage: Storage, observer: Observer) -> Study:
    """The study as it was first resolved, with this run's budget and workers."""
    try:
        stored = StudyStore.open(storage, study.name).study
    except UserError:
        return study
    asked = study.model_dump(mode="json")
    kept = stored.model_dump(mode="json")
    differing = ["data"] if study.data.differs_from(stored.data) else []
    differing += [key for key in ("limits", "recipe", "space") if asked[key] != kept[key]]
    differing += ["budget.epochs"] if study.budget.epochs != stored.budget.epochs else []
    searches = asked["search"], of_this_run(stored.search, study.search).model_dump(mode="json")
    differing += [f"search.{key}" for key, value in searches[0].items() if value != searches[1][key]]
    if differing:
        observer.note(
            f"study '{study.name}' goes on with the settings it was made with; "
            f"{', '.join(differing)} differ here and do not count (use --name for a new study)"
        )
    now = study.budget
    budget = now.model_copy(update={"epochs": stored.budget.epochs})
    return stored.model_copy(update={"budget": budget, "search": of_this_run(stored.search, study.search)})
