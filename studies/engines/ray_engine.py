"""Trains with Ray Tune, on a cluster or on this machine: fractions of GPUs, several nodes.

    driver's thread          |  Tune's thread                                         |  actors on the nodes
    Driver <-> RayEngine <-> TuneBridge <-> BridgeSearcher, BridgeScheduler <-> Tune <-> `studies.engines.remote_worker`

Decisions:
- Ray Tune runs the trainings but decides nothing. `BridgeSearcher` passes on the trials that the driver has submitted, and
  `BridgeScheduler` ends each after the epoch that the driver has named. So all engines follow the same decisions.
- Checkpoints are files in the trials' folders. Tune writes none, because only Tune could read them. So a study can be started
  with Ray and resumed without it, or the other way round, and no state of Ray has to survive.
- For Tune, a trial that pauses has ended; when it is resumed, it is a new Tune trial with the same folder. Otherwise Tune would
  go through all paused trials again and again, and there may be thousands.
- A trial whose actor or node has died is reported as lost. The driver counts losses and retries, Tune does not.
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
from studies.engines.remote_worker import TrialResources, training_request
from studies.workspace.remote_trial_files import RemoteTrialFiles
from trainers.trial.run import TrialJob, TrialRunner, resume_trial

if TYPE_CHECKING:
    from studies.definition.sections import Search

CAPACITY_INTERVAL_S = 2.0
"""Seconds between two queries of the cluster's capacity, which changes when nodes join or leave."""
CLOSE_S = 15.0
"""The longest time in seconds that `RayEngine.close` waits for Tune to end."""


class RayEngine:
    """Trains with Ray Tune (an `Engine`).

    Args:
        address: address of a running cluster, such as `auto` or `ray-head:6379`. None starts Ray on this machine and ends it
            when the engine is closed.
        workers: trainings at the same time; None means as many as fit on the cluster, which may change.
        resources: resources of each training.
        shared_folder: path or URL through which trial folders are copied (`studies.workspace.remote_trial_files`); None means
            that all nodes see the workspace folder.
        run: the function that a node calls with a job.

    Raises:
        UserError: no cluster answers at the address, or no node has the resources for one training.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        resources: TrialResources | None = None,
        shared_folder: str | None = None,
        run: TrialRunner = resume_trial,
    ) -> None:
        from studies.engines.ray_tune import Ray

        self._resources, self._workers = resources or TrialResources(), workers
        self._shared_folder, self._run_job = shared_folder, run
        self._copies = None if shared_folder is None else RemoteTrialFiles(shared_folder)
        self._workspace_folders: dict[int, Path] = {}
        self._bridge = TuneBridge()
        self._closed = False
        self._ray = Ray(address, workers, self._resources)
        self._capacity_read_at, self._capacity = time.monotonic(), self._ray.capacity()
        self._faults: list[BaseException] = []
        self._thread = threading.Thread(target=self._run, name="ray-tune", daemon=True)
        self._thread.start()

    @property
    def slots(self) -> int:
        if self._workers is not None:
            return self._workers
        if time.monotonic() - self._capacity_read_at > CAPACITY_INTERVAL_S:
            self._capacity_read_at, self._capacity = time.monotonic(), self._ray.capacity()
        return max(1, self._capacity)  # never 0: if a node has left, another may join

    def submit(self, number: int, job: TrialJob, until_epoch: int | None = None) -> None:
        if self._copies is not None:
            self._workspace_folders[number] = job.folder
            self._copies.upload_if_changed(job.folder)
            job = replace(job, parents=self._copies.share_weights(job.folder.parent, job.parents))
        self._bridge.submit(number, training_request(number, job, self._resources, self._shared_folder), until_epoch)

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
            return [self._with_local_files(event) for event in events]

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        self._bridge.close()
        self._ray.kill_actors()
        self._thread.join(CLOSE_S)
        self._ray.disconnect()

    def _with_local_files(self, event: Event) -> Event:
        """Copies the trial's files to the workspace if the trial has ended, and returns the event with their local paths."""
        if self._copies is None or isinstance(event, EpochFinished):
            return event
        workspace = self._workspace_folders[event.number]
        if isinstance(event, TrialFailed | TrialLost):
            with suppress(Exception):  # the shared folder may be what failed; only the log of the last epochs is missing then
                self._copies.sync_to_workspace(workspace)
            return event
        self._copies.sync_to_workspace(workspace)
        if isinstance(event, TrialPaused):
            return event
        return replace(event, candidate=event.candidate.in_folder(workspace))

    def _run(self) -> None:
        """Runs Tune until the engine is closed; `wait` raises what it raises."""
        try:
            self._ray.tune(self._bridge, self._run_job)
        except BaseException as error:
            if not self._bridge.closing.is_set():
                self._faults.append(error)


@engines.register("ray")
def ray_engine(search: Search) -> RayEngine:
    """Connects to the cluster of the `[search]` settings, or starts Ray on this machine.

    Raises:
        UserError: no cluster answers at the address, or no node has the resources for one training.
    """
    resources = TrialResources(search.cpus_per_trial, search.gpus_per_trial, search.gpu_memory_per_trial)
    return RayEngine(search.address, search.workers, resources, search.shared)
