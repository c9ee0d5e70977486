"""What a run of a study is made of; `studies.run.assembly` puts it together."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from studies.definition.study import Study
from studies.engines.base import Engine
from studies.run.beginnings import Beginnings
from studies.run.checkpoint_exports import CheckpointExports
from studies.run.end_phase import EndPhase
from studies.run.front_finish import FrontFinish
from studies.run.observer import Observer
from studies.run.proposer import Proposer
from studies.run.resume import EarlierRuns
from studies.run.schedule import Schedule
from studies.run.seen_architectures import SeenArchitectures
from studies.run.study_progress import StudyProgress
from studies.run.time_plan import TimePlan
from studies.run.trial_recorder import TrialRecorder
from studies.run.waiting_duplicates import WaitingDuplicates
from studies.storage.lease import Lease
from studies.storage.study_store import StudyStore
from trainers.data.dataset import LineDataset


@dataclass(frozen=True)
class Parts:
    """What a run of a study is made of.

    Attributes:
        study: what is searched.
        prepared: its lines, by input height.
        beginnings: makes the job for a worker, with the weights that a new network begins with.
        store: the study as it is stored.
        recorder: closes trials.
        seen: which architectures have been met.
        progress: trials that count, and their results.
        schedule: the sampler and early stopping.
        proposer: what is tried next.
        exports: exports trainings before their last epoch.
        duplicates: open trials that duplicate a running training.
        observer: receives events.
        engine: where trainings run.
        lease: the right to run the study; the driver renews it.
        earlier: the trials that earlier runs have left.
        plan: how the time is used.
        end: the last part of the budget, which goes into the front.
        front_finish: finishes the trainings on the front when the search ends.
    """

    study: Study
    prepared: Mapping[int, LineDataset]
    beginnings: Beginnings
    store: StudyStore
    recorder: TrialRecorder
    seen: SeenArchitectures
    progress: StudyProgress
    schedule: Schedule
    proposer: Proposer
    exports: CheckpointExports
    duplicates: WaitingDuplicates
    observer: Observer
    engine: Engine
    lease: Lease
    earlier: EarlierRuns
    plan: TimePlan
    end: EndPhase
    front_finish: FrontFinish
