"""The same study on Ray: same decisions as on this machine's processes, and nothing is lost when processes and nodes die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from studies.definition.sections import Search
from studies.definition.study import Study, resolve
from studies.engines.base import EpochFinished, Event, TrialFinished, TrialLost, TrialPaused
from studies.engines.catalog import engines
from studies.engines.ray_engine import RayEngine
from studies.engines.remote_worker import TrialResources
from studies.registry.tracker import NoTracker
from studies.run.observer import SilentObserver
from studies.run.search import search
from studies.storage.pareto_front import load_points, load_store
from studies.workspace.paths import Workspace
from testing.engine_contract import EngineContract
from testing.scripted_engine import Killed
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError
from trainers.trial.run import TrialJob, TrialRunner

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]
RUNGS = {"first_rung": 1, "eta": 2, "early_stopping": "promotion", "sampler": "random"}
MINIMUM = {"include_dashboard": False, "object_store_memory": 100_000_000}


@pytest.fixture(autouse=True)
def every_rung_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """In four epochs of sixty lines nothing is learnt."""
    monkeypatch.setattr("studies.run.schedule.UNINFORMATIVE_CER", 9.0)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A head with two cores; tests add nodes."""
    from ray.cluster_utils import Cluster

    import studies.engines.ray_tune  # noqa: F401  # its settings before Ray's

    os.environ["PARETEXT_NODE_CACHE"] = str(tmp_path_factory.mktemp("node-cache"))
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "num_gpus": 0, **MINIMUM})
    yield made
    made.shutdown()


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "lines"
    write_pairs(folder, striped_lines(60, 0))
    return folder


def study(lines: Path, trials: int = 3, **searched: Any) -> Study:
    values: dict[str, Any] = {
        "name": "s",
        "data": {"source": str(lines)},
        "recipe": {"preset": "anytime", "min_epoch_lines": 0},  # an epoch of the few lines takes a second
        "space": {"width_percent": [25], "encoder_hidden": [8, 12, 16, 20, 24, 28]},
        "budget": {"trials": trials, "epochs": 4},
        "search": {**RUNGS, "workers": 1, **searched},
    }
    return resolve(values, "test")


def job(lines: Path, folder: Path, epochs: int, hidden: int = 8) -> TrialJob:
    of = study(lines)
    from search_space import Architecture

    return TrialJob(
        architecture=Architecture(width_percent=25, encoder_hidden=hidden),
        data=of.data.spec(height_px=32, seed=0),
        cache_folder=folder / "cache",
        recipe=of.training_recipe,
        epochs=epochs,
        folder=folder / "studies" / "s" / "trials" / str(hidden),
    )


def decisions(workspace: Workspace) -> list[tuple[Any, ...]]:
    """What was tried, how far it went, what became of it, and what it was worth."""
    found = []
    for trial in load_store(workspace, "s").stored_trials():
        measured = trial.measurement and replace(trial.measurement, latency_ms=0.0)
        end = trial.outcome.name, trial.reason, trial.epochs_trained
        found.append((trial.number, trial.digest, end, dict(trial.rungs), measured))
    return found


def outcomes_of(decided: list[tuple[Any, ...]]) -> list[str]:
    """The names of the outcomes."""
    return [name for _, _, (name, *_), *_ in decided]


def wait_for(engine: RayEngine, kind: type[Event], count: int = 1, seconds: float = 120) -> list[Event]:
    """Everything up to the last of so many events of a kind."""
    seen: list[Event] = []
    end = time.monotonic() + seconds
    while time.monotonic() < end and sum(isinstance(e, kind) for e in seen) < count:
        seen += engine.wait(1.0)
    assert sum(isinstance(e, kind) for e in seen) >= count, f"no {kind.__name__} within {seconds} s; seen: {seen}"
    return seen


def epochs_of(seen: list[Event], number: int) -> list[int]:
    return [e.report.epoch for e in seen if isinstance(e, EpochFinished) and e.number == number]


def pids(engine: RayEngine) -> list[int]:
    """Processes that train."""
    scheduler = engine._ray._scheduler
    assert scheduler is not None
    return [t.temporary_state.location.pid for t in scheduler.controller.get_live_trials() if t.status == "RUNNING"]


@pytest.mark.thorough  # in the slow tier, the next test changes the engine of a study
def test_both_engines_take_the_same_decisions(cluster: Any, lines: Path, tmp_path: Path) -> None:
    homes, paused = {}, {}
    for name in ("local", "ray"):
        homes[name], watcher = Workspace(tmp_path / name).prepare(), Pauses()
        search(study(lines, 4, engine=name, address=cluster.address), homes[name], watcher, tracker=NoTracker())
        paused[name] = watcher.seen
    assert decisions(homes["local"]) == decisions(homes["ray"])
    assert paused["local"] == paused["ray"] and paused["ray"]


class Pauses(SilentObserver):
    """Remembers which trainings were paused where."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, int]] = []

    def trial_paused(self, number: int, epoch: int) -> None:
        self.seen.append((number, epoch))


class StopsAt(SilentObserver):
    """Ends the search as Ctrl-C would, after so many paused trainings."""

    def __init__(self, pauses: int) -> None:
        self.left = pauses

    def trial_paused(self, number: int, epoch: int) -> None:
        self.left -= 1
        if self.left == 0:
            raise Killed


def test_a_study_is_begun_on_one_engine_continued_on_the_other_and_ended_on_the_first(
    cluster: Any, lines: Path, tmp_path: Path
) -> None:
    workspace, begun = Workspace(tmp_path / "runs").prepare(), dict[int, str]()
    for engine, pauses in (("local", 2), ("ray", 1)):
        with pytest.raises(Killed):
            search(study(lines, engine=engine, address=cluster.address), workspace, StopsAt(pauses), tracker=NoTracker())
        now = {t.number: t.user_attrs["digest"] for t in load_store(workspace, "s").trials()}
        assert len(now) >= 2 and now.items() >= begun.items()
        begun = now
    search(study(lines, engine="local"), workspace, tracker=NoTracker())
    trials = load_store(workspace, "s").trials()
    assert all(t.state is not TrialState.RUNNING for t in trials) and load_points(workspace, "s")
    assert {t.number: t.user_attrs["digest"] for t in trials}.items() >= begun.items()
    trained = [t for t in load_store(workspace, "s").stored_trials() if t.counts_against_budget]
    assert len(trained) == 3


def test_what_has_travelled_comes_home_and_no_copy_stays_behind(cluster: Any, lines: Path, tmp_path: Path) -> None:
    workspace, place = Workspace(tmp_path / "runs").prepare(), tmp_path / "place"
    asked = study(lines, 4, engine="ray", address=cluster.address, shared=f"file://{place}", early_stopping="stopping")
    search(asked, workspace, tracker=NoTracker())
    states = outcomes_of(decisions(workspace))
    assert {"measured", "stopped"} <= set(states)
    assert [folder.name for folder in place.iterdir()] == ["s"] and not list((place / "s").iterdir())
    assert all(Path(point.model).is_file() for point in load_points(workspace, "s"))
    trained = [state for state in states if state not in ("checkpoint", "precision_variant")]
    assert len(list(workspace.epochs("s").iterdir())) == len(trained), "what each has trained is kept"


def test_a_killed_worker_is_lost_and_its_trial_continues(cluster: Any, lines: Path, tmp_path: Path) -> None:
    engine = RayEngine(cluster.address, workers=1)
    try:
        long = job(lines, tmp_path, epochs=30)
        engine.submit(7, long)
        before = epochs_of(wait_for(engine, EpochFinished), 7)
        (pid,) = pids(engine)
        os.kill(pid, signal.SIGKILL)
        before += epochs_of(wait_for(engine, TrialLost), 7)
        engine.submit(7, long)
        after = epochs_of(wait_for(engine, EpochFinished), 7)
        assert after[0] in (before[-1], before[-1] + 1), "it says first where its checkpoint stands, and trains on from there"
        engine.stop(7)
        assert wait_for(engine, TrialPaused)[-1].number == 7
    finally:
        started = time.monotonic()
        engine.close()
    assert time.monotonic() - started < 15


def test_a_node_that_dies_takes_no_trial_with_it(cluster: Any, lines: Path, tmp_path: Path) -> None:
    """Three nodes, two of them with half a GPU for each training; one of the two is killed."""
    nodes = [cluster.add_node(num_cpus=1, num_gpus=1, **MINIMUM) for _ in range(2)]
    cluster.wait_for_nodes()
    engine = RayEngine(cluster.address, resources=TrialResources(cpus=1, gpus=1))
    try:
        assert engine.slots == 2
        for number in (1, 2):
            engine.submit(number, job(lines, tmp_path, epochs=40, hidden=8 * number))
        seen: list[Event] = []
        while not (epochs_of(seen, 1) and epochs_of(seen, 2)):
            seen += wait_for(engine, EpochFinished)
        cluster.remove_node(nodes.pop(), allow_graceful=False)
        seen += wait_for(engine, TrialLost)
        lost = next(e.number for e in seen if isinstance(e, TrialLost))
        other = 3 - lost
        engine.stop(other)
        assert wait_for(engine, TrialPaused)[-1].number == other
        engine.submit(lost, job(lines, tmp_path, epochs=40, hidden=8 * lost))
        after = epochs_of(wait_for(engine, EpochFinished), lost)
        assert after[0] >= max(epochs_of(seen, lost)), "it resumes on the remaining node from its checkpoint"
    finally:
        engine.close()
        for node in nodes:
            cluster.remove_node(node, allow_graceful=False)
    caches = list(Path(os.environ["PARETEXT_NODE_CACHE"]).iterdir())
    assert caches, "a node decodes for itself"


def test_what_a_cluster_has_no_room_for_is_said_at_once(cluster: Any) -> None:
    with pytest.raises(UserError, match="no node of the cluster has 1 CPUs and 2 GPUs"):
        engines["ray"](Search(engine="ray", address=cluster.address, gpus_per_trial=2.0))


def test_without_an_address_ray_is_started_here(lines: Path, tmp_path: Path) -> None:
    engine = RayEngine(workers=1)
    try:
        engine.submit(1, job(lines, tmp_path, epochs=2))
        seen = wait_for(engine, TrialFinished)
        assert epochs_of(seen, 1) == [1, 2]
    finally:
        engine.close()


class TestRayEngine(EngineContract):
    """With Ray started on this machine."""

    def make(self, run: TrialRunner) -> RayEngine:
        return RayEngine(workers=2, run=run)
