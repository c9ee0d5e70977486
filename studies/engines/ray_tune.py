"""Adapter to Ray and Ray Tune: the connection, our searcher, our scheduler, and the function that a node runs.

Decisions:
- Ray's tables, logs and loggers are off; Paretext's own table shows what happens.
- One long Tune experiment whose trials are ours; `reuse_actors`, since a new process imports torch for seconds.
- A trial ends with STOP as soon as it has said what became of it, so Tune needs no further word from it.
- Tune's own snapshots are switched off: they hold nothing that the study does not hold.

Source: Ray 2.60; what its loop does with a decision is in ray/tune/execution/tune_controller.py.
"""

from __future__ import annotations

import logging
import os
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from studies.engines.ray_bridge import TuneBridge
from studies.engines.remote_worker import TrialResources, train_here
from trainers.base.cores import usable_cores
from trainers.base.errors import UserError
from trainers.trial.run import TrialRunner

SETTINGS = {
    "RAY_AIR_NEW_OUTPUT": "0",
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
    "RAY_DEDUP_LOGS": "0",
    "RAY_ENABLE_AUTO_CONNECT": "0",
    "RAY_SCHEDULER_EVENTS": "0",
    "RAY_TRAIN_ENABLE_V2_MIGRATION_WARNINGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "TUNE_GLOBAL_CHECKPOINT_S": str(10**9),
    "TUNE_MAX_PENDING_TRIALS_PG": "10000",  # trials are handed out no faster than there is room for them
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    "TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S": "0",
}
"""Read by Ray when it is imported or started; what somebody has set is left."""
for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)

import ray  # noqa: E402
from ray import tune  # noqa: E402
from ray.tune.schedulers import TrialScheduler  # noqa: E402
from ray.tune.search import Searcher  # noqa: E402

CODE = ("search_space", "trainers", "studies")
"""Packages that nodes need."""
TESTED_RAY = ("2.60.0",)
"""Versions of Ray whose private members have been tested; to add one, install it, run `make slow`, and widen the range of ray
in pyproject.toml if it needs to be."""
STORE_BYTES = 200_000_000
"""Ray's shared memory on this machine; orders and reports are a few kilobytes."""
PATIENCE_S = 1.0
"""How long the searcher waits for an order when nothing trains; Tune is not kept from anything by that."""


class Ray:
    """A connection to Ray: a cluster's, or one that is started here and ends with this process.

    Args:
        address: of the cluster; None starts one here.
        workers: trainings at the same time that one started here must have room for; None is one per core.
        resources: what each takes.

    Raises:
        UserError: no cluster answers at the address, or no node has room for one training.
    """

    def __init__(self, address: str | None, workers: int | None, resources: TrialResources) -> None:
        self._resources = resources
        self._scratch: Path | None = None
        self._scheduler: BridgeScheduler | None = None
        self._ours = not ray.is_initialized()
        if self._ours:
            _connect(address, workers, resources)
        for name in ("ray", "ray.tune", "ray.train"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        if workers is None and not self.room():
            self.leave()
            raise UserError(
                f"no node of the cluster has {resources.cpus:g} CPUs and {resources.gpus:g} GPUs for one training; "
                "lower search.cpus_per_trial and search.gpus_per_trial, or say with --workers how many nodes will come to hold"
            )

    def room(self) -> int:
        """How many trainings the nodes that are alive have room for in all."""
        return sum(_fit(node.get("Resources", {}), self._resources) for node in ray.nodes() if node["Alive"])

    def tune(self, bridge: TuneBridge, run: TrialRunner) -> None:
        """Runs what the driver submits to the bridge, until it closes.

        Args:
            bridge: the driver's orders.
            run: what a node does with a job.
        """
        self._scratch = Path(tempfile.mkdtemp(prefix="paretext-ray-"))
        scheduler = BridgeScheduler(bridge)
        driver_node = ray.get_runtime_context().get_node_id()

        def training(config: dict[str, Any]) -> dict[str, Any]:
            at_home = ray.get_runtime_context().get_node_id() == driver_node
            return train_here(config, tune.report, at_home, run)

        resources = {"CPU": self._resources.cpus, **({"GPU": self._resources.gpus} if self._resources.gpus else {})}
        tuner = tune.Tuner(
            tune.with_resources(training, tune.PlacementGroupFactory([resources])),
            tune_config=tune.TuneConfig(
                search_alg=BridgeSearcher(bridge),
                scheduler=scheduler,
                num_samples=-1,
                reuse_actors=True,
                trial_name_creator=_name_of,
                trial_dirname_creator=_name_of,
            ),
            run_config=tune.RunConfig(
                name="paretext",
                storage_path=str(self._scratch),
                verbose=0,
                progress_reporter=NoReport(),
                stop=Closing(bridge),
                failure_config=tune.FailureConfig(max_failures=0),  # the driver starts what is lost again
            ),
        )
        self._scheduler = scheduler
        tuner.fit()

    def kill_trainings(self) -> None:
        """Ends the processes that train, in whatever epoch they are."""
        if self._scheduler is None or self._scheduler.controller is None:
            return
        for trial in list(self._scheduler.controller.get_live_trials()):
            actor = trial.temporary_state.ray_actor
            if actor is not None:
                ray.kill(actor)

    def leave(self) -> None:
        """Disconnects; what has been started here ends."""
        if self._ours:
            ray.shutdown()
        if self._scratch is not None:
            shutil.rmtree(self._scratch, ignore_errors=True)


class BridgeSearcher(Searcher):  # type: ignore[misc]
    """Hands out the trials that the driver has submitted."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self._bridge = bridge

    def set_search_properties(self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any) -> bool:
        return True  # there is no one metric

    def suggest(self, trial_id: str) -> dict[str, Any] | str | None:
        if self._bridge.closing.is_set():
            return str(Searcher.FINISHED)
        return self._bridge.next_order(PATIENCE_S)

    def on_trial_complete(self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False) -> None: ...

    def save(self, checkpoint_path: str) -> None: ...

    def restore(self, checkpoint_path: str) -> None: ...


class BridgeScheduler(TrialScheduler):  # type: ignore[misc]
    """Ends each trial where the driver has decided."""

    def __init__(self, bridge: TuneBridge) -> None:
        super().__init__()
        self._bridge = bridge
        self.controller: Any = None
        """Tune's, once there has been a trial."""

    def __reduce__(self) -> tuple[type[BridgeScheduler], tuple[TuneBridge]]:
        return (BridgeScheduler, (self._bridge,))

    def set_search_properties(self, metric: str | None, mode: str | None, **spec: Any) -> bool:
        return True

    def on_trial_add(self, tune_controller: Any, trial: Any) -> None:
        self.controller = tune_controller

    def on_trial_result(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> str:
        goes_on = self._bridge.on_report(trial.config["number"], result)
        return str(TrialScheduler.CONTINUE if goes_on else TrialScheduler.STOP)

    def choose_trial_to_run(self, tune_controller: Any) -> Any:
        """Nothing: Tune starts new trials as they come, and none is ever paused."""
        return None

    def on_trial_error(self, tune_controller: Any, trial: Any) -> None:
        self._bridge.on_lost(trial.config["number"], "its process on the cluster ended")

    def on_trial_complete(self, tune_controller: Any, trial: Any, result: dict[str, Any]) -> None: ...

    def on_trial_remove(self, tune_controller: Any, trial: Any) -> None: ...

    def debug_string(self) -> str:
        return ""


class Closing(tune.Stopper):  # type: ignore[misc]
    """Ends the experiment when the bridge closes."""

    def __init__(self, bridge: TuneBridge) -> None:
        self._bridge = bridge

    def __call__(self, trial_id: str, result: dict[str, Any]) -> bool:
        return False

    def stop_all(self) -> bool:
        return self._bridge.closing.is_set()


class NoReport(tune.ProgressReporter):  # type: ignore[misc]
    """Prints nothing."""

    def should_report(self, trials: Any, done: bool = False) -> bool:
        return False

    def report(self, trials: Any, done: bool, *sys_info: str) -> None: ...


def _connect(address: str | None, workers: int | None, resources: TrialResources) -> None:
    silence_cluster_messages()
    quiet = {"log_to_driver": False, "logging_level": logging.CRITICAL, "configure_logging": True}
    if address is None:
        cpus = max(1, round((workers or usable_cores()) * max(1.0, resources.cpus)))
        path = os.pathsep.join(p for p in sys.path if p)
        environment = {"env_vars": {"PYTHONPATH": path}}
        ray.init(
            "local",  # its own, even where a cluster is running
            num_cpus=cpus,
            include_dashboard=False,
            object_store_memory=STORE_BYTES,
            runtime_env=environment,
            **quiet,
        )
        return
    try:
        ray.init(address=address, runtime_env={"py_modules": _code()}, **quiet)
    except (ConnectionError, ValueError, RuntimeError, OSError) as error:
        raise UserError(f"no Ray cluster answers at '{address}': {str(error).splitlines()[0]}") from None


def silence_cluster_messages() -> None:
    """Keeps Ray from printing the cluster's error messages to stdout, where the front is printed.

    The one use of a private member of Ray, tested with `TESTED_RAY`. There is no public way: a thread of the driver prints
    the messages (of nodes and processes that died) whatever `log_to_driver` and `logging_level` are. In a version without
    this member they are printed, and nothing else changes.
    """
    from ray._private import worker

    if hasattr(worker, "print_to_stdstream"):
        worker.print_to_stdstream = lambda *_, **__: None


def _code() -> list[str]:
    """Folders of the packages that nodes need, as they are here."""
    found = []
    for name in CODE:
        spec = find_spec(name)
        assert spec is not None and spec.submodule_search_locations
        found.append(str(next(iter(spec.submodule_search_locations))))
    return found


def _fit(node: dict[str, float], resources: TrialResources) -> int:
    """How many trainings a node has room for."""
    needs = {"CPU": resources.cpus, "GPU": resources.gpus}
    return min(int(node.get(name, 0.0) / need + 1e-9) for name, need in needs.items() if need > 0)


def _name_of(trial: Any) -> str:
    return f"trial-{trial.config['number']}-{trial.trial_id}"
