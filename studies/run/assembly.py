"""Puts a run of a study together: prepares the data, takes the lease, opens the store, lists the callbacks in their order."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from search_space.units import parse_size
from studies.definition.begin_spec import STARTER
from studies.definition.study import Study
from studies.engines.base import Engine
from studies.registry.tracker import Tracker
from studies.run.beginnings import Beginnings
from studies.run.callbacks import TrialCallback
from studies.run.checkpoint_exports import CheckpointExports
from studies.run.clear_files import ClearFiles
from studies.run.data_identity import keep_data
from studies.run.end_phase import EndPhase
from studies.run.epoch_seconds import EpochSeconds, epoch_seconds_of
from studies.run.first_architectures import first_architectures
from studies.run.front_finish import FrontFinish
from studies.run.judged import Ready
from studies.run.kept_parents import keep_parents
from studies.run.longer_trainings import former_epochs, may_continue
from studies.run.observer import Observer
from studies.run.parts import Parts
from studies.run.precision_variants import PrecisionVariants
from studies.run.preparation import Preparation, prepare_study
from studies.run.proposer import Proposer
from studies.run.resume import EarlierRuns
from studies.run.schedule import Schedule
from studies.run.seen_architectures import SeenArchitectures
from studies.run.study_progress import StudyProgress
from studies.run.time_plan import SearchStart, TimePlan
from studies.run.tracking_callback import TrackingCallback
from studies.run.trial_recorder import TrialRecorder
from studies.run.waiting_duplicates import WaitingDuplicates
from studies.storage.backends import Storage
from studies.storage.finish_record import FinishRecord
from studies.storage.lease import Lease
from studies.storage.stored_trial import StoredTrial, epochs_spent
from studies.storage.study_faults import NoSuchStudy
from studies.storage.study_store import StudyStore
from studies.workspace.kept_weights import KeptWeights
from studies.workspace.paths import Workspace
from studies.workspace.trial_files import TrialFiles
from trainers.trial.run import TrialJob


@contextmanager
def assembled(
    study: Study,
    workspace: Workspace,
    observer: Observer,
    engine: Engine,
    tracker: Tracker,
    storage: Storage,
    accept_data: bool = False,
) -> Iterator[tuple[Parts, int]]:
    """Prepares a run and holds the study's lease while the block runs.

    Yields:
        What the run is made of, and how many epochs earlier runs have trained.

    Raises:
        UserError: the data cannot be used or are not those of the study, nothing can meet the limits, or another process runs
            the study.
    """
    preparation = prepare_study(study, workspace, observer, _stored(storage, study.name))
    store, resumed = StudyStore.create_or_open(storage, study)
    lease = Lease(store, observer.note)
    lease.take()
    try:
        keep_data(store, study.name, preparation.prepared, accept_data, observer.note)
        keep_parents(store, preparation.begin, workspace)
        store.update_study(study)
        trials = store.stored_trials()
        observer.study_started(preparation.facts(study, trials, resumed, engine.slots))
        tracker.start(study.model_dump(mode="json"), store.data_identity())
        parts, spent = _parts(preparation, workspace, observer, engine, tracker, store, lease, trials), epochs_spent(trials)
        del trials  # there may be thousands, and they are not needed any more
        yield parts, spent
    finally:
        lease.release()


def _stored(storage: Storage, name: str) -> StudyStore | None:
    """The study of an earlier run; None before the first."""
    try:
        return StudyStore.open(storage, name)
    except NoSuchStudy:
        return None


def _parts(
    preparation: Preparation,
    workspace: Workspace,
    observer: Observer,
    engine: Engine,
    tracker: Tracker,
    store: StudyStore,
    lease: Lease,
    trials: list[StoredTrial],
) -> Parts:
    study, space, prepared = preparation.study, preparation.study.joint_space, preparation.prepared
    seen, progress = SeenArchitectures.of_trials(trials), StudyProgress(study)
    seconds = None if study.budget.seconds is None else epoch_seconds_of(preparation)
    recorder = TrialRecorder(study, workspace, store)
    schedule = _schedule(preparation, engine.slots, seconds, trials, recorder)
    files = TrialFiles(workspace, study.name, study.search.shared, observer.note)
    variants = PrecisionVariants(space, study.search.every_precision)
    duplicates, tracking = WaitingDuplicates(variants, seen, recorder.close), TrackingCallback(tracker, workspace, study.name)
    proposer = Proposer(study, store, seen, preparation.costs, schedule, variants, duplicates.__bool__)

    def job_of(ready: Ready) -> TrialJob:
        return preparation.job(ready.configuration, files.folder(ready.digest), workspace.cache)

    beginnings = _beginnings(preparation, workspace, files, job_of, recorder, observer, end := EndPhase(study, observer.note))
    exports = CheckpointExports(job_of, engine, progress, proposer, recorder, observer)
    clear = ClearFiles(files, progress, study)
    of_finish = exports, observer, lease, FinishRecord(store), files, seconds
    finish = FrontFinish(study, job_of, engine, progress, proposer, *of_finish)
    recorder.callbacks = (seen, progress, schedule, exports, finish, tracking, observer, duplicates, clear)
    replayed: tuple[TrialCallback, ...] = (progress, exports, finish, tracking)
    for trial, callback in itertools.product(trials, replayed):
        callback.trial_closed(trial)
    ended = clear.start(trials, seen)
    schedule.replay(trials, (trial.number for trial in ended))
    if ended:
        observer.note(may_continue(ended, study.budget.epochs))
    plan = TimePlan(study, engine.slots, schedule.rungs, seconds, observer.note)
    watched = observer, engine, lease, EarlierRuns(trials, preparation.warm_start, ended), plan
    made = study, prepared, beginnings, store, recorder
    return Parts(*made, seen, progress, schedule, proposer, exports, duplicates, *watched, end, finish)


def _schedule(
    preparation: Preparation,
    workers: int,
    seconds: EpochSeconds | None,
    trials: list[StoredTrial],
    recorder: TrialRecorder,
) -> Schedule:
    """The schedule of a run; `recorder` gets to know what the networks of earlier runs have inherited."""
    study = preparation.study
    for trial in trials:
        if trial.lineage is not None:
            recorder.inherited.note(trial.params, trial.lineage)
    begin, former = SearchStart.of(study, workers, seconds), former_epochs(trials, study)
    plan = begin.first_rung, begin.initial_trainings
    ancestry = recorder.inherited.ancestry if study.search.inherit != "never" else None
    random, space = preparation.begins_at_random, study.joint_space
    is_starter = any(parent.name == STARTER for parent in preparation.begin)
    first = first_architectures(space) if is_starter and not preparation.warm_start else ()
    return Schedule(study, space, preparation.costs, seconds, *plan, former, ancestry, random, first)


def _beginnings(
    preparation: Preparation,
    workspace: Workspace,
    files: TrialFiles,
    job_of: Callable[[Ready], TrialJob],
    recorder: TrialRecorder,
    observer: Observer,
    end: EndPhase,
) -> Beginnings:
    """What the trainings of a run begin with; weights are kept if they may be inherited."""
    study, kept = preparation.study, None
    if study.search.inherit != "never":
        kept = KeptWeights(workspace.weights(study.name), parse_size(study.search.weights_limit), observer.note)
    files.keep_shared_weights({parent.sha256 or "" for parent in (() if kept is None else kept.parents)})
    noted = recorder.lineages, observer.note
    return Beginnings(preparation.begin, kept, job_of, preparation.prepared, *noted, inherits=lambda: end.inherits)
