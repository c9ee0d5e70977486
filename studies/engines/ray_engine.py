"""Trains on a Ray cluster, or on this machine with Ray's resources: fractions of GPUs, several nodes.

    driver's thread                     a thread beside it
    Driver <-> RayEngine <-> TuneBridge <-> our Searcher and TrialScheduler <-> Ray Tune <-> actors on nodes <->
    `studies.engines.remote_worker`

Decisions:
- Ray Tune runs the trainings, and decides nothing. Our searcher hands out the trials that the driver has submitted; our
  scheduler ends each where the driver has said. So both engines take the same decisions: there is one place where they are
  taken.
- Checkpoints are those of the trials' folders; Tune makes none of its own, which only Tune could read. So a study begun on
  Ray goes on without it and the other way round, and nothing that Ray keeps need survive.
- A trial that pauses is over for Tune, and one that is resumed is a new Tune trial with the old folder: Tune would go through
  all its paused trials again and again, and there may be thousands.
- A trial whose actor or node has died is reported as lost; the driver counts losses, not Tune.
"""

from __future__ import annotations

import queue
import threading
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from studies.engines.base import EpochFinished, Event, TrialFailed, TrialLost, TrialPaused
from studies.engines.catalog import engines
from studies.engines.ray_bridge import TuneBridge
from studies.engines.remote_worker import TrialResources, order_of
from studies.workspace.remote_trial_files import RemoteTrialFiles
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

if TYPE_CHECKING:
    from studies.definition.sections import Search

CAPACITY_LOOK_S = 2.0
"""How often the cluster is asked how much it can run; nodes come and go."""
CLOSE_S = 15.0
"""How long closing waits for Tune to let go."""


class RayEngine:
    """Trains with Ray Tune.

    Args:
        address: of a running cluster, such as `auto` or `ray-head:6379`; None starts Ray on this machine and ends it again.
        workers: trainings at the same time; None means as many as the cluster has room for, now and later.
        resources: what each may take.
        shared: where trials' folders travel through (`studies.workspace.remote_trial_files`); None: all nodes see the run's
            folder.
        run: what a node does with a job.

    Raises:
        UserError: there is no such cluster, or no node of it has room for one training.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        resources: TrialResources | None = None,
        shared: str | None = None,
        run: TrialRunner = resume_trial,
    ) -> None:
        from studies.engines.ray_tune import Ray

        self._resources, self._workers = resources or TrialResources(), workers
        self._shared, self._run_job = shared, run
        self._folders = None if shared is None else RemoteTrialFiles(shared)
        self._homes: dict[int, Path] = {}
        self._bridge = TuneBridge()
        self._ray = Ray(address, workers, self._resources)
        self._looked, self._room = time.monotonic(), self._ray.room()
        self._faults: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="ray-tune", daemon=True)
        self._thread.start()

    @property
    def slots(self) -> int:
        if self._workers is not None:
            return self._workers
        if time.monotonic() - self._looked > CAPACITY_LOOK_S:
            self._looked, self._room = time.monotonic(), self._ray.room()
        return max(1, self._room)  # where a node has gone, another may come

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        if self._folders is not None:
            self._homes[number] = job.folder
            self._folders.upload_if_changed(job.folder)
        self._bridge.submit(number, order_of(number, job, self._resources, self._shared), until_epoch)

    def stop(self, number: int) -> None:
        self._bridge.stop(number)

    def wait(self, timeout_s: float) -> list[Event]:
        if self._faults:
            raise self._faults[0]
        events: list[Event] = []
        try:
            events.append(self._bridge.events.get(timeout=max(0.0, timeout_s)))
            while True:
                events.append(self._bridge.events.get_nowait())
        except queue.Empty:
            return [self._at_home(event) for event in events]

    def close(self) -> None:
        self._bridge.close()
        self._ray.kill_trainings()
        self._thread.join(CLOSE_S)
        self._ray.leave()

    def _at_home(self, event: Event) -> Event:
        """The event, once what it speaks of is in the run's folder."""
        if self._folders is None or isinstance(event, EpochFinished):
            return event
        workspace = self._homes[event.number]
        if isinstance(event, TrialFailed | TrialLost):
            with suppress(Exception):  # that place may be what has failed; all that lacks then is the log of its last epochs
                self._folders.sync_to_workspace(workspace)
            return event
        self._folders.sync_to_workspace(workspace)
        if isinstance(event, TrialPaused):
            return event
        return replace(event, candidate=event.candidate.in_folder(workspace))

    def _run(self) -> None:
        try:
            self._ray.tune(self._bridge, self._run_job)
        except BaseException as error:
            if not self._bridge.closing.is_set():
                self._faults.append(error)


@engines.register("ray")
def ray_engine(search: Search) -> RayEngine:
    """Connects to the cluster that a study names, or starts Ray on this machine.

    Raises:
        UserError: the cluster does not answer, or no node has room for one training.
    """
    resources = TrialResources(search.cpus_per_trial, search.gpus_per_trial, search.gpu_memory_per_trial)
    return RayEngine(search.address, search.workers, resources, search.shared)
