"""Measures what a trial costs besides its training: a whole search with trainings that end at once.

    python -m benchmarks.overhead.run --folder /tmp/overhead [--engine local|ray|inline] [--storage sqlite] [--sampler front]
        [--trials 1000] [--preload 900] [--time 9m] [--early-stopping gain]

A run is aborted when `--trials` architectures have begun; another run with the same folder resumes the study with its
suspended trials, so thousands of trials can be measured in several runs. `--preload` first writes that many trials into the
storage, in the state in which a killed search leaves them (a third complete, the others suspended at a rung). A line is
printed, and added to results.jsonl in the folder, when a study has 100, 1,000 and 10,000 trials and at the end of each run:
milliseconds a trial over the last tenth of the study (of this run, if that is less), and the driver's memory.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.overhead.inline_engine import InlineEngine
from benchmarks.overhead.no_op import measured, no_op
from benchmarks.overhead.preload import preload
from studies.definition.configuration import Configuration
from studies.definition.study import Study, resolve
from studies.engines.base import Engine
from studies.objectives.costs import CostModel, Costs
from studies.registry.tracker import NoTracker
from studies.run.observer import SilentObserver, StudyFacts
from studies.run.search import search
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from testing.postgres import Server
from testing.striped_lines import striped_lines, write_pairs
from trainers.base.errors import UserError

COUNTS = (100, 1_000, 10_000)
SPACE = {
    "backbone": ["mobilenetv3_small", "mobilenetv3_large", "lcnet"],
    "width_percent": [25, 35, 50, 60, 75, 85, 100, 125],
    "neck": ["none", "fpn_a", "fpn_d"],
    "attention": ["squeeze_excite", "coordinate", "eca"],
    "encoder": ["gru", "svtr"],
    "encoder_hidden": list(range(16, 272, 16)),
    "encoder_layers": [1, 2],
    "precision": ["fp32", "fp16", "int8"],
}


@dataclass(frozen=True)
class Line:
    """What was measured when a study had so many trials.

    Attributes:
        engine, storage, sampler, early_stopping: how it was run.
        trials: new architectures so far.
        over: of how many trials the time is a mean.
        ms: wall-clock of a trial.
        cpu_ms: of it, the driver's own time on a core, MLflow's thread included.
        memory_mb: resident, of the driver.
    """

    engine: str
    storage: str
    sampler: str
    early_stopping: str
    trials: int
    over: int
    ms: float
    cpu_ms: float
    memory_mb: float


class Enough(BaseException):
    """As many trials have begun as were asked for: aborts the search, so that suspended trials stay suspended."""


class Watch(SilentObserver):
    """Records when each new architecture started, and aborts the search after the number of trials that was asked for."""

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked, self._met = asked, set[int]()
        self._before, self._first = 0, 0
        self._moments: deque[tuple[float, float]] = deque(maxlen=max(COUNTS) // 10 + 1)
        self.lines: list[Line] = []

    def note(self, text: str) -> None:
        print(text, flush=True)

    def study_started(self, facts: StudyFacts) -> None:
        self._began = time.monotonic()
        print(f"{memory_mb():.0f} MB before the first training", flush=True)

    def goes_on_from(self, begun: int, first: int) -> None:
        """Sets how many architectures earlier runs have started, and the first free trial number."""
        self._before, self._first = begun, first

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        if number < self._first or number in self._met:
            return
        if not self._met:
            print(f"the first new trial starts after {time.monotonic() - self._began:.1f} s", flush=True)
        self._met.add(number)
        self._moments.append((time.monotonic(), time.process_time()))
        if self.trials in COUNTS:
            self.take()
        if self.trials >= self._asked.trials:
            raise Enough

    @property
    def trials(self) -> int:
        return self._before + len(self._met)

    def take(self) -> None:
        """Records a measurement, unless the last one has the same number of trials."""
        if self.lines and self.lines[-1].trials == self.trials:
            return
        over = min(len(self._moments) - 1, max(20, self.trials // 10))
        if over < 1:
            return
        (wall, own), (now, now_own) = self._moments[-over - 1], self._moments[-1]
        a = self._asked
        line = Line(
            a.engine, a.storage, a.sampler, a.early_stopping, self.trials, over,
            1000 * (now - wall) / over, 1000 * (now_own - own) / over, memory_mb(),
        )  # fmt: skip
        self.lines.append(line)
        print(json.dumps(asdict(line)), flush=True)


def apart(call: Callable[..., Any], *args: Any) -> Any:
    """Calls a function in another process, so that its memory is not counted as the driver's."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as other:
        return other.submit(call, *args).result()


def taken(workspace: Workspace, name: str) -> tuple[int, int]:
    """How many architectures of a study have started, and how many trial numbers are used."""
    try:
        trials = load_store(workspace, name).stored_trials()
    except UserError:
        return 0, 0
    return len({t.digest for t in trials if t.training is not None}), len(trials)


def memory_mb() -> float:
    """Resident memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE") / 1e6


def study_of(asked: argparse.Namespace, lines: Path) -> Study:
    words = [asked.storage, asked.early_stopping] if asked.preload else [asked.storage, asked.sampler, asked.early_stopping]
    values: dict[str, Any] = {
        "name": "-".join(words),  # engines share it; and samplers, what is preloaded
        "data": {"source": str(lines)},
        "space": SPACE,
        "budget": {"trials": asked.trials + 1000, "epochs": 9, "time": asked.time},
        "search": {
            "sampler": asked.sampler,
            "engine": "ray" if asked.engine == "ray" else "local",
            "workers": asked.workers,
            "early_stopping": asked.early_stopping,
        },
    }
    return resolve(values, "the benchmark")


def engine_of(asked: argparse.Namespace) -> Engine:
    if asked.engine == "ray":
        from studies.engines.ray_engine import RayEngine

        return RayEngine(workers=asked.workers, run=no_op)
    if asked.engine == "inline":
        return InlineEngine(asked.workers)
    from studies.engines.local import LocalEngine

    return LocalEngine(asked.workers, run=no_op)


def storage_of(asked: argparse.Namespace, folder: Path) -> tuple[str | None, Server | None]:
    """Address of the storage, and the server behind it if there is one."""
    if asked.storage == "postgresql":
        server = Server(folder / "postgres")
        return server.url, server
    return (f"journal:{folder / 'studies.journal'}" if asked.storage == "journal" else None), None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where studies and results are kept")
    parser.add_argument("--engine", choices=("local", "ray", "inline"), default="local")
    parser.add_argument("--storage", choices=("sqlite", "journal", "postgresql"), default="sqlite")
    parser.add_argument("--sampler", default="front")
    parser.add_argument("--early-stopping", choices=("promotion", "stopping", "gain", "none"), default="gain")
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--preload", type=int, default=0, help="trials that are there before it begins; without MLflow then")
    parser.add_argument("--without-mlflow", action="store_true")
    parser.add_argument("--without-estimate", action="store_true", help="sizes are made up, too: it is 100 ms of each trial")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--time", default=None, help="of this piece, such as 9m")
    asked = parser.parse_args()
    folder = asked.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    lines = folder / "lines"
    if not lines.exists():
        write_pairs(lines, striped_lines(60, 0))
    url, server = storage_of(asked, folder)
    workspace, watch, study = Workspace(folder / "runs", url).prepare(), Watch(asked), study_of(asked, lines)
    began = time.monotonic()
    if asked.preload:
        apart(preload, workspace, study, asked.preload)
        print(f"{asked.preload} trials are there after {time.monotonic() - began:.0f} s", flush=True)
    tracker = NoTracker() if asked.preload or asked.without_mlflow else None  # MLflow's would copy what has been preloaded
    if asked.without_estimate:
        CostModel._compute = lambda _, architecture: Costs(measured(architecture).size_bytes)  # type: ignore[method-assign]
    watch.goes_on_from(*apart(taken, workspace, study.name))
    began = time.monotonic()
    reason = "enough trials have begun"
    with contextlib.suppress(Enough):
        reason = search(study, workspace, watch, engine_of(asked), tracker).reason
    watch.take()
    print(f"{reason}; {watch.trials} trials, {time.monotonic() - began:.0f} s, {threading.active_count()} threads")
    with (folder / "results.jsonl").open("a") as results:
        results.writelines(json.dumps(asdict(line)) + "\n" for line in watch.lines)
    if server is not None:
        server.close()


if __name__ == "__main__":
    main()
