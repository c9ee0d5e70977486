"""How much of a search its workers spend on training, and how well it keeps to its time.

    python -m benchmarks.utilisation.run --folder /tmp/utilisation [--time 5m] [--engine local] [STUDY.toml]

Runs the real command (without a file: the built-in study) for a time, then reads its log and the logs of its epochs. Start-up
ends with the first training. Told are the shares of the workers' time, from then until the time is up, that they spent on jobs
(training, export and measuring, as the driver saw it), in epochs (as they saw it) and on a core (as the system saw it); and how
long after its time the command came back, with how large a front.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

from benchmarks.kills.processes import trainings
from studies.definition.durations import parse_duration
from studies.run.study_log import epoch_logs, read_log
from studies.workspace.paths import Workspace
from trainers.trial.epoch_log import read_epochs

NAME = "utilisation"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("study", type=Path, nargs="?", help="a study file")
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--time", default="5m")
    parser.add_argument("--engine", choices=("local", "ray"), default="local")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=1000, help="more than there is time for (1000)")
    asked = parser.parse_args()
    workspace = Workspace(asked.folder.resolve() / "runs")
    began = time.time()
    output, cpu_s, through = run(asked, workspace)
    end = began + parse_duration(asked.time)
    log = read_log(workspace.log(NAME))
    first = min(_seconds(event) for event in log if event["event"] == "trial starts")
    room = asked.workers * (end - first)
    epochs = [line for file in epoch_logs(workspace, NAME) for line in read_epochs(file)]
    in_epochs = sum(min(end, line["ended"]) - min(end, line["ended"] - line["seconds"]) for line in epochs)
    told = {
        "start-up, s": first - began,
        "after its time, s": through - end,
        "points of the front": len(json.loads(output or "[]")),
        "epochs": len(epochs),
        "on jobs": in_jobs(log, end) / room,
        "in epochs": in_epochs / room,
        "on a core": cpu_s / room,
    }
    for what, value in told.items():
        print(f"{what:22}{value:8.3f}" if isinstance(value, float) else f"{what:22}{value:8}")


def run(asked: argparse.Namespace, workspace: Workspace) -> tuple[str, float, float]:
    """The command's output, the seconds that its workers had a core after their first epoch's start, and when it came back."""
    command = [
        sys.executable,
        "-m",
        "dashboards.cli.command_line",
        "search",
        *([str(asked.study)] if asked.study else []),
        "--json",
    ]
    command += ["--name", NAME, "--time", asked.time, "--engine", asked.engine, "--workers", str(asked.workers)]
    command += ["--trials", str(asked.trials)]
    env = {**os.environ, "PARETEXT_HOME": str(workspace.folder), "OMP_NUM_THREADS": "1"}
    workspace.folder.mkdir(parents=True, exist_ok=True)
    with (workspace.folder / "output.txt").open("w") as told:
        search = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=told, env=env, text=True)
        spent: dict[int, float] = {}
        before: dict[int, float] = {}
        while search.poll() is None:
            for pid in trainings(search.pid):
                spent[pid] = core_seconds(pid) or spent.get(pid, 0.0)
            if not before and any(event["event"] == "trial starts" for event in read_log(workspace.log(NAME))):
                before = dict(spent)
            time.sleep(0.5)
        through = time.time()
    assert search.stdout is not None
    return search.stdout.read(), sum(spent.values()) - sum(before.values()), through


def core_seconds(pid: int) -> float:
    """What a process has had of a core; 0 when it is gone."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_jobs(log: list[dict[str, Any]], end: float) -> float:
    """Seconds between the start of each training and its end or pause, all trainings together."""
    total, open_since = 0.0, dict[int, float]()
    for event in log:
        if event["event"] == "trial starts":
            open_since.setdefault(event["trial"], _seconds(event))
        elif event["event"] in ("trial pauses", "trial ends", "trial lost") and event["trial"] in open_since:
            total += max(0.0, min(end, _seconds(event)) - open_since.pop(event["trial"]))
    return total + sum(max(0.0, end - since) for since in open_since.values())


def _seconds(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


if __name__ == "__main__":
    main()
