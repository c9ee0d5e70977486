"""Kills a search repeatedly at random moments, and checks afterwards that no trial and no epoch was lost or repeated.

    python -m benchmarks.kills.run --folder /tmp/kills [--engine local] [--kill worker,driver] [--moments 30]

It runs the real command with real processes, on trials of four short epochs. Between 2 and 12 seconds after an epoch has ended,
it kills one of the kinds named by --kill, with SIGKILL (PostgreSQL: SIGQUIT, which makes it crash):

    worker      a process that trains
    driver      the search itself; the same command is started again
    node        a Ray node with all its processes; another node joins
    postgresql  the server that stores the study; it is started again after --away seconds (60)

If a study ends before the number of kills (--moments) is reached, another study is started. Exit status 0 means that nothing
was lost and nothing was trained twice.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.kills.account import account_of
from benchmarks.kills.processes import training_processes
from studies.run.study_log import epoch_logs
from studies.workspace.paths import Workspace
from testing.postgres import Server
from testing.signals import restore_sigint
from testing.striped_lines import striped_lines, write_pairs
from trainers.trial.epoch_log import read_epochs

LINES = 240
"""Number of lines in the data set."""
STUDY = """
name = "{name}"
[data]
source = "{lines}"
[budget]
trials = {trials}
epochs = 4
[search]
sampler = "random"
seed = {seed}
workers = 2
first_rung = 2
eta = 2
early_stopping = "promotion"
[space]
width_percent = [25]
encoder = ["gru", "svtr"]
encoder_layers = [1, 2]
encoder_hidden = [8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48]
"""
EPOCH_TIMEOUT_S = 600.0
"""The longest time in seconds to wait for an epoch to end."""


class Cluster:
    """A Ray cluster of processes on this machine: a head that does not train, and nodes that run one training each."""

    def __init__(self, nodes: int) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        import studies.engines.ray_tune  # noqa: F401  # sets environment variables that Ray reads when it is imported

        self._node_options = {"include_dashboard": False, "object_store_memory": 100_000_000}
        self._cluster = RayCluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, **self._node_options})
        self._nodes = [self._join() for _ in range(nodes)]
        self.address: str = self._cluster.address

    def _join(self) -> Any:
        return self._cluster.add_node(num_cpus=1, num_gpus=0, **self._node_options)

    def kill_one(self, generator: random.Random) -> None:
        node = self._nodes.pop(generator.randrange(len(self._nodes)))
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.append(self._join())

    def close(self) -> None:
        self._cluster.shutdown()


class KillBenchmark:
    """Runs studies and kills their processes.

    Args:
        options: the parsed command line.
    """

    def __init__(self, options: argparse.Namespace) -> None:
        self._options, self._folder = options, options.folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._random = random.Random(f"{options.seed} {options.engine} {options.kill}")
        self._server = Server(self._folder / "postgres") if "postgresql" in options.kill else None
        self._cluster = Cluster(2) if "node" in options.kill else None
        self._workspace = Workspace(self._folder / "runs", self._server.url if self._server else None)
        self._upcoming: list[str] = []
        self._number = 0
        self._driver: subprocess.Popen[bytes] | None = None
        self.kills: list[dict[str, Any]] = []

    @property
    def study(self) -> str:
        return f"{self._options.engine}-{self._options.seed}-{self._number}"

    def run(self) -> bool:
        """Runs studies until all kills are done; returns whether nothing was lost or trained twice."""
        passed = True
        while len(self.kills) < self._options.moments:
            passed = self._one_study() and passed
            self._number += 1
        return passed

    def close(self) -> None:
        if self._driver is not None and self._driver.poll() is None:
            self._driver.kill()
        if self._cluster is not None:
            self._cluster.close()
        if self._server is not None:
            self._server.close()

    def _one_study(self) -> bool:
        self._start()
        assert self._driver is not None
        while self._driver.poll() is None and len(self.kills) < self._options.moments:
            if self._wait_for_epoch() and self._still_runs_after(self._random.uniform(2, 12)):
                self._kill(self._next_kind())
        code = self._driver.wait(900)
        account = account_of(self._workspace, self.study, self._options.trials)
        passed = account.holds and code == 0
        print(json.dumps({**asdict(account), "exit": code, "holds": passed}), flush=True)
        with (self._folder / "accounts.jsonl").open("a") as file:
            killed = [kill for kill in self.kills if kill["study"] == self.study]
            file.write(json.dumps({**asdict(account), "exit": code, "holds": passed, "killed": killed}) + "\n")
        return passed

    def _next_kind(self) -> str:
        """Returns what is killed next: each kind of --kill in turn, in random order."""
        if not self._upcoming:
            self._upcoming = self._options.kill.split(",")
            self._random.shuffle(self._upcoming)
        return self._upcoming.pop()

    def _start(self) -> None:
        lines = self._folder / "lines"
        if not lines.exists():
            write_pairs(lines, striped_lines(LINES, 0))
        file = self._folder / f"{self.study}.toml"
        file.write_text(STUDY.format(name=self.study, lines=lines, trials=self._options.trials, seed=self._number))
        command = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(file), "--engine", self._options.engine]
        command += ["--address", self._cluster.address] if self._cluster else []
        env = {**os.environ, "PARETEXT_HOME": str(self._workspace.folder), "OMP_NUM_THREADS": "1"}
        env |= {"PARETEXT_STORAGE": self._workspace.storage} if self._workspace.storage else {}
        env |= {"PARETEXT_NODE_CACHE": str(self._folder / "node-cache")}
        with (self._folder / f"{self.study}.txt").open("ab") as output:
            self._driver = subprocess.Popen(command, stdout=output, stderr=output, env=env, preexec_fn=restore_sigint)

    def _epochs(self) -> int:
        return sum(len(read_epochs(log)) for log in epoch_logs(self._workspace, self.study))

    def _wait_for_epoch(self) -> bool:
        """Waits until an epoch ends; returns False if the search ends first."""
        assert self._driver is not None
        before, end = self._epochs(), time.monotonic() + EPOCH_TIMEOUT_S
        while time.monotonic() < end:
            if self._driver.poll() is not None:
                return False
            if self._epochs() > before:
                return True
            time.sleep(0.2)
        raise SystemExit(f"no epoch within {EPOCH_TIMEOUT_S:.0f} s; see {self._folder / self.study}.txt")

    def _still_runs_after(self, seconds: float) -> bool:
        """Waits for some seconds; returns False if the search ends in this time."""
        assert self._driver is not None
        try:
            self._driver.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def _kill(self, what: str) -> None:
        kill = {"study": self.study, "what": what, "epochs_before": self._epochs(), "closed_before": self._closed()}
        began = time.monotonic()
        getattr(self, f"_kill_{what}")()
        self.kills.append(kill | {"seconds": round(time.monotonic() - began, 1)})
        print(f"moment {len(self.kills)}: {kill}", flush=True)

    def _closed(self) -> int:
        return len(list(self._workspace.epochs(self.study).glob("*.jsonl")))

    def _kill_worker(self) -> None:
        assert self._driver is not None
        found = training_processes() if self._cluster else training_processes(self._driver.pid)
        if found:
            os.kill(self._random.choice(found), signal.SIGKILL)

    def _kill_driver(self) -> None:
        assert self._driver is not None
        self._driver.kill()
        self._driver.wait()
        self._start()

    def _kill_node(self) -> None:
        assert self._cluster is not None
        self._cluster.kill_one(self._random)

    def _kill_postgresql(self) -> None:
        assert self._server is not None
        self._server.kill()
        time.sleep(self._options.away)
        self._server.start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="folder for the studies and for accounts.jsonl")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--kill", default="worker,driver", help="kinds to kill, with commas: worker, driver, node, postgresql")
    parser.add_argument("--moments", type=int, default=30, help="number of kills")
    parser.add_argument("--trials", type=int, default=12, help="trials of each study")
    parser.add_argument("--away", type=float, default=60.0, help="seconds until PostgreSQL is started again")
    parser.add_argument("--seed", type=int, default=0, help="of the moments and of the kinds")
    benchmark = KillBenchmark(parser.parse_args())
    try:
        passed = benchmark.run()
    finally:
        benchmark.close()
    raise SystemExit(0 if passed else 1)


if __name__ == "__main__":
    main()
