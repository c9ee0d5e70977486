"""Kills a search repeatedly at random moments, and accounts for every trial and every epoch.

    python -m benchmarks.kills.run --folder /tmp/kills [--engine local] [--kill worker,driver] [--moments 30]

The search is the real command with real processes, on trials of four short epochs. At each moment, between 2 and 12 seconds
after training has (again) begun, one of those named is killed with SIGKILL (PostgreSQL with SIGQUIT, which is its crash):

    worker      a process that trains
    driver      the search itself; the same command is started again
    node        a Ray node with all its processes; another one joins
    postgresql  the server that keeps the study; it is away for --away seconds (60)

When a study ends before all moments are used, the next one begins. Exit status 0 means that nothing was lost or done twice.
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
from benchmarks.kills.processes import trainings
from studies.run.study_log import epoch_logs
from studies.workspace.paths import Workspace
from testing.postgres import Server
from testing.signals import restore_sigint
from testing.striped_lines import striped_lines, write_pairs
from trainers.trial.epoch_log import read_epochs

LINES = 240
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
BEGINS_WITHIN_S = 600.0


class Cluster:
    """A Ray cluster of processes here: a head without room for trainings, and nodes with room for one each."""

    def __init__(self, nodes: int) -> None:
        from ray.cluster_utils import Cluster as RayCluster

        import studies.engines.ray_tune  # noqa: F401  # its settings before Ray's

        self._least = {"include_dashboard": False, "object_store_memory": 100_000_000}
        self._cluster = RayCluster(initialize_head=True, head_node_args={"num_cpus": 0, "num_gpus": 0, **self._least})
        self._nodes = [self._join() for _ in range(nodes)]
        self.address: str = self._cluster.address

    def _join(self) -> Any:
        return self._cluster.add_node(num_cpus=1, num_gpus=0, **self._least)

    def kill_one(self, draw: random.Random) -> None:
        node = self._nodes.pop(draw.randrange(len(self._nodes)))
        self._cluster.remove_node(node, allow_graceful=False)
        self._nodes.append(self._join())

    def close(self) -> None:
        self._cluster.shutdown()


class Trouble:
    """Runs studies and kills what was asked for.

    Args:
        asked: the command line.
    """

    def __init__(self, asked: argparse.Namespace) -> None:
        self._asked, self._folder = asked, asked.folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._draw = random.Random(f"{asked.seed} {asked.engine} {asked.kill}")
        self._server = Server(self._folder / "postgres") if "postgresql" in asked.kill else None
        self._cluster = Cluster(2) if "node" in asked.kill else None
        self._workspace = Workspace(self._folder / "runs", self._server.url if self._server else None)
        self._deck: list[str] = []
        self._number = 0
        self._driver: subprocess.Popen[bytes] | None = None
        self.kills: list[dict[str, Any]] = []

    @property
    def study(self) -> str:
        return f"{self._asked.engine}-{self._asked.seed}-{self._number}"

    def run(self) -> bool:
        """Runs studies until all moments are used; True when nothing was lost or done twice."""
        hold = True
        while len(self.kills) < self._asked.moments:
            hold = self._one_study() and hold
            self._number += 1
        return hold

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
        while self._driver.poll() is None and len(self.kills) < self._asked.moments:
            if self._training_begins() and self._passes(self._draw.uniform(2, 12)):
                self._kill(self._next())
        code = self._driver.wait(900)
        account = account_of(self._workspace, self.study, self._asked.trials)
        hold = account.holds and code == 0
        print(json.dumps({**asdict(account), "exit": code, "holds": hold}), flush=True)
        with (self._folder / "accounts.jsonl").open("a") as file:
            killed = [kill for kill in self.kills if kill["study"] == self.study]
            file.write(json.dumps({**asdict(account), "exit": code, "holds": hold, "killed": killed}) + "\n")
        return hold

    def _next(self) -> str:
        """What is killed next: each of those asked for in turn, in random order."""
        if not self._deck:
            self._deck = self._asked.kill.split(",")
            self._draw.shuffle(self._deck)
        return self._deck.pop()

    def _start(self) -> None:
        lines = self._folder / "lines"
        if not lines.exists():
            write_pairs(lines, striped_lines(LINES, 0))
        file = self._folder / f"{self.study}.toml"
        file.write_text(STUDY.format(name=self.study, lines=lines, trials=self._asked.trials, seed=self._number))
        command = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(file), "--engine", self._asked.engine]
        command += ["--address", self._cluster.address] if self._cluster else []
        env = {**os.environ, "PARETEXT_HOME": str(self._workspace.folder), "OMP_NUM_THREADS": "1"}
        env |= {"PARETEXT_STORAGE": self._workspace.storage} if self._workspace.storage else {}
        env |= {"PARETEXT_NODE_CACHE": str(self._folder / "node-cache")}
        with (self._folder / f"{self.study}.txt").open("ab") as output:
            self._driver = subprocess.Popen(command, stdout=output, stderr=output, env=env, preexec_fn=restore_sigint)

    def _epochs(self) -> int:
        return sum(len(read_epochs(log)) for log in epoch_logs(self._workspace, self.study))

    def _training_begins(self) -> bool:
        """Waits for an epoch to end; False when the search ends before."""
        assert self._driver is not None
        before, end = self._epochs(), time.monotonic() + BEGINS_WITHIN_S
        while time.monotonic() < end:
            if self._driver.poll() is not None:
                return False
            if self._epochs() > before:
                return True
            time.sleep(0.2)
        raise SystemExit(f"no epoch within {BEGINS_WITHIN_S:.0f} s; see {self._folder / self.study}.txt")

    def _passes(self, seconds: float) -> bool:
        """Waits; False when the search ends before."""
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
        found = trainings() if self._cluster else trainings(self._driver.pid)
        if found:
            os.kill(self._draw.choice(found), signal.SIGKILL)

    def _kill_driver(self) -> None:
        assert self._driver is not None
        self._driver.kill()
        self._driver.wait()
        self._start()

    def _kill_node(self) -> None:
        assert self._cluster is not None
        self._cluster.kill_one(self._draw)

    def _kill_postgresql(self) -> None:
        assert self._server is not None
        self._server.kill()
        time.sleep(self._asked.away)
        self._server.start()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", type=Path, required=True, help="where studies and accounts are kept")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--kill", default="worker,driver", help="of worker, driver, node, postgresql")
    parser.add_argument("--moments", type=int, default=30)
    parser.add_argument("--trials", type=int, default=12, help="of each study")
    parser.add_argument("--away", type=float, default=60.0, help="seconds that PostgreSQL is away")
    parser.add_argument("--seed", type=int, default=0, help="other moments, other studies")
    trouble = Trouble(parser.parse_args())
    try:
        hold = trouble.run()
    finally:
        trouble.close()
    raise SystemExit(0 if hold else 1)


if __name__ == "__main__":
    main()
