"""Adapter to Ray Tune: a searcher, a scheduler, and the function that runs on a node.

Decisions:
- A run of a study is one Tune experiment. It has `reuse_actors`, because a new process takes seconds to import torch.
- The scheduler returns STOP for the report that ends a trial, so Tune waits for no further report of it.
- Tune's snapshots of the experiment are turned off: all they contain is in the study.

Source: Ray 2.60. How its loop handles a decision is in ray/tune/execution/tune_controller.py.
"""

from __future__ import annotations

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import ray
from ray import tune
from ray.tune.schedulers import TrialScheduler
from ray.tune.search import Searcher

from studies.engines.ray_bridge import TuneBridge
from studies.engines.ray_connection import connect  # before Ray itself, which reads its settings
from studies.engines.remote_worker import TrialResources, run_on_node
from trainers.base.errors import UserError
from trainers.trial.run import TrialRunner

REQUEST_WAIT_S = 1.0
"""Seconds that the searcher waits for a request while no trial runs. Tune has nothing else to do then."""


class Ray:
    """A connection to a Ray cluster, or to a Ray that is started on this machine and ends with this process.

    Args:
        address: address of the cluster; None starts Ray on this machine.
        workers: how many trainings a Ray that is started here has CPUs for; None means one per core.
        resources: resources of each training.

    Raises:
        UserError: no cluster answers at the address, or no node has the resources for one training.
    """

    def __init__(self, address: str | None, workers: int | None, resources: TrialResources) -> None:
        self._resources = resources
        self._scratch: Path | None = None
        self._scheduler: BridgeScheduler | None = None
        self._connected_here = not ray.is_initialized()
        if self._connected_here:
            connect(address, workers, resources)
        for name in ("ray", "ray.tune", "ray.train"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if workers is None and not self.capacity():
            self.disconnect()
            raise UserError(
                f"no node of the cluster has {resources.cpus:g} CPUs and {resources.gpus:g} GPUs for one training; "
                "lower search.cpus_per_trial or search.gpus_per_trial; if nodes will join later, set the number of trainings "
                "with --workers"
            )

    def capacity(self) -> int:
        """Returns how many trainings fit on all nodes that are alive."""
        return sum(_capacity_of(node.get("Resources", {}), self._resources) for node in ray.nodes() if node["Alive"])

    def tune(self, bridge: TuneBridge, run: TrialRunner) -> None:
        """Runs the trials that the driver submits to the bridge; returns when the bridge is closed.

        Args:
            bridge: passes requests from the driver and events to it.
            run: the function that a node calls with a job.
        """
        self._scratch = Path(tempfile.mkdtemp(prefix="paretext-ray-"))
        scheduler = BridgeScheduler(bridge)
        driver_node = ray.get_runtime_context().get_node_id()

        def training(config: dict[str, Any]) -> dict[str, Any]:
            on_driver_node = ray.get_runtime_context().get_node_id() == driver_node
            return run_on_node(config, tune.report, on_driver_node, run)

        resources = {"CPU": self._resources.cpus, **({"GPU": self._resources.gpus} if self._resources.gpus else {})}
        tuner = tune.Tuner(
            tune.with_resources(training, tune.PlacementGroupFactory([resources])),
            tune_config=tune.TuneConfig(
                search_alg=BridgeSearcher(bridge),
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_trial_name,
                trial_dirname_creator=_trial_name,
            ),
            run_config=tune.RunConfig(
                name="paretext",
                storage_path=str(self._scratch),
                verbose=0,
                progress_reporter=SilentReporter(),
                stop=StopOnClose(bridge),
                failure_config=tune.FailureConfig(max_failures=0),  # the driver submits lost trials again
            ),
        )
        self._scheduler = scheduler
        tuner.fit()

    def kill_actors(self) -> None:
        """Kills the processes that train. They lose their current epoch."""
        if self._scheduler is None or self._scheduler.controller is None:
            return
        for trial in list(self._scheduler.controller.get_live_trials()):
            actor = trial.temporary_state.ray_actor
            if actor is not None:
                ray.kill(actor)

    def disconnect(self) -> None:
        """Disconnects. A Ray that was started here ends."""
        if self._connected_here:
            ray.shutdown()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


class BridgeSearcher(Searcher):  # type: ignore[misc]
    """Suggests to Tune the trials that the driver has submitted."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self._bridge = bridge

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True  # Tune requires an answer; there is no single metric to set

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._bridge.closing.is_set():
            return str(Searcher.FINISHED)
        return self._bridge.next_request(REQUEST_WAIT_S)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None: ...

    def save(self, checkpoint_path: str) -> None: ...

    def restore(self, checkpoint_path: str) -> None: ...


class BridgeScheduler(TrialScheduler):  # type: ignore[misc]
    """Ends each trial after the epoch that the driver has named."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self.controller: Any = None
        """Tune's controller; None until the first trial."""

    def __reduce__(self) -> tuple[type[BridgeScheduler], tuple[TuneBridge]]:
        return (BridgeScheduler, (self._bridge,))

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return True

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self.controller = tune_controller

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        continues = self._bridge.on_report(trial.config["number"], result)
        return str(TrialScheduler.CONTINUE if continues else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Returns None: Tune starts new trials by itself, and none is ever paused in Tune."""
        return None

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._bridge.on_lost(trial.config["number"], "its process on the cluster ended")

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None: ...

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None: ...

    def debug_string(self) -> str:
        return ""


class StopOnClose(tune.Stopper):  # type: ignore[misc]
    """Ends the experiment when the bridge is closed."""

    def __init__(self, bridge: TuneBridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.closing.is_set()


class SilentReporter(tune.ProgressReporter):  # type: ignore[misc]
    """A progress reporter that prints nothing."""

    def should_report(self, trials: Any, done: bool = False) -> bool:
        return False

    def report(self, trials: Any, done: bool, *sys_info: str) -> None: ...


def _capacity_of(node: dict[str, float], resources: TrialResources) -> int:
    """Returns how many trainings fit on a node.

    Args:
        node: name of a resource to its amount on the node.
        resources: resources of each training.
    """
    needs = {"CPU": resources.cpus, "GPU": resources.gpus}
    return min(int(node.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need > 0)


def _trial_name(trial: Any) -> str:
    return f"trial-{trial.config['number']}-{trial.trial_id}"
