"""Measures how much of their time the workers of a search spend on training, and how punctually the search ends.

    python -m benchmarks.utilisation.run --folder /tmp/utilisation [--time 5m] [--engine local] [STUDY.toml]

It runs the real command with a time limit (without a file: the built-in study), then reads the study's log and epoch logs.
Start-up lasts until the first training. From then until the time limit, it reports the fractions of the workers' time spent

    on jobs     training, export and measuring, as the driver's log has it
    in epochs   as the workers' epoch logs have it
    on a core   as the operating system counts it

and how long after the time limit the command ended, with how many points on the front.
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

from benchmarks.kills.processes import training_processes
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
    parser.add_argument("--trials", type=int, default=1000, help="more than the time allows (1000)")
    options = parser.parse_args()
    workspace = Workspace(options.folder.resolve() / "runs")
    began = time.time()
    output, cpu_s, ended = run(options, workspace)
    end = began + parse_duration(options.time)
    log = read_log(workspace.log(NAME))
    first = min(_seconds(event) for event in log if event["event"] == "trial starts")
    worker_seconds = options.workers * (end - first)
    epochs = [line for file in epoch_logs(workspace, NAME) for line in read_epochs(file)]
    in_epochs = sum(min(end, line["ended"]) - min(end, line["ended"] - line["seconds"]) for line in epochs)
    results = {
        "start-up, s": first - began,
        "after the limit, s": ended - end,
        "points of the front": len(json.loads(output or "[]")),
        "epochs": len(epochs),
        "on jobs": in_jobs(log, end) / worker_seconds,
        "in epochs": in_epochs / worker_seconds,
        "on a core": cpu_s / worker_seconds,
    }
    for what, value in results.items():
        print(f"{what:22}{value:8.3f}" if isinstance(value, float) else f"{what:22}{value:8}")


def run(options: argparse.Namespace, workspace: Workspace) -> tuple[str, float, float]:
    """Runs the search.

    Returns:
        Its output, the core seconds of its workers after the first training began, and when it ended (`time.time()`).
    """
    command = [
        sys.executable,
        "-m",
        "dashboards.cli.command_line",
        "search",
        *([str(options.study)] if options.study else ["--data", "digits"]),
        "--json",
    ]
    command += ["--name", NAME, "--time", options.time, "--engine", options.engine, "--workers", str(options.workers)]
    command += ["--trials", str(options.trials)]
    env = {**os.environ, "PARETEXT_HOME": str(workspace.folder), "OMP_NUM_THREADS": "1"}
    workspace.folder.mkdir(parents=True, exist_ok=True)
    with (workspace.folder / "output.txt").open("w") as output:
        search = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=output, env=env, text=True)
        spent: dict[int, float] = {}
        before: dict[int, float] = {}
        while search.poll() is None:
            for pid in training_processes(search.pid):
                spent[pid] = core_seconds(pid) or spent.get(pid, 0.0)
            if not before and any(event["event"] == "trial starts" for event in read_log(workspace.log(NAME))):
                before = dict(spent)
            time.sleep(0.5)
        ended = time.time()
    assert search.stdout is not None
    return search.stdout.read(), sum(spent.values()) - sum(before.values()), ended


def core_seconds(pid: int) -> float:
    """Returns the seconds that a process has had a core; 0 if it has ended."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def in_jobs(log: list[dict[str, Any]], end: float) -> float:
    """Returns the seconds between the start of each training and its end or pause, summed over all trainings."""
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
