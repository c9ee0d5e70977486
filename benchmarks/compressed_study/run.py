"""A study with `prune_percent` and `precision` open against the same study without, in the same time on the same lines.

    python -m benchmarks.compressed_study.run [--time 8m] [--seeds 0 1 2] [--out runs/compressed_study]

Decisions:
- Both are `paretext search` in a process of its own, at the same time on a core each, so that whatever else the machine does
  slows both; which has which core changes with the seed. What each got is written down in seconds of its processor.
- Nine epochs on 720 lines of digits: enough of them for a cut network to recover, and short enough for minutes to hold a
  handful of full trainings, so that there is something to learn from. The sampler is the one that
  knows bytes before it proposes.
- A limit that no unpruned fp32 candidate breaks, so that the closed space is not cut off.
- EagleEye is the criterion: its dozen candidates are read in seconds, where a sensitivity table takes as long as an epoch
  or two.
- A front is worth the area that it dominates in the plane of share of lines misread against bytes, up to a reference: all
  lines misread, and the limit. Once with bytes as they are, in shares of the limit, and once with their natural logarithm.
- Every finished study is appended to a file, and is not run again.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from studies.objectives.pareto import hypervolume
from studies.storage.pareto_front import load_store
from studies.workspace.paths import Workspace
from trainers.data.digits import Split, digit_lines

LINES: dict[Split, int] = {"training": 720, "validation": 300}
LIMIT_BYTES = 2_000_000
SPACES = ("closed", "open")

STUDY = f"""
[data]
source = "SOURCE/training"
validation = "SOURCE/validation"

[recipe]
validation_lines = 100

[limits]
size = "{LIMIT_BYTES}B"

[budget]
trials = 1000
epochs = 9

[search]
sampler = "front"

[space]
backbone = ["mobilenetv3_small"]
width_percent = [25, 50]
encoder_hidden = [24, 48, 96]
encoder_layers = [1]
"""
OPEN = """prune_percent = [0, 50, 70]
prune_criterion = ["eagleeye"]
precision = ["fp32", "fp16", "int8"]
"""


def main() -> int:
    """Runs what is missing, then prints all fronts and what they are worth."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--time", default="8m", help="wall-clock of each study (8m)")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="each space is searched with each (0 1 2)")
    arguments.add_argument("--out", type=Path, default=Path("runs/compressed_study"), help="where it all goes")
    given = arguments.parse_args()
    write_lines(given.out)
    ended = given.out / "fronts.jsonl"
    for seed in given.seeds:
        missing = [f"{space}-{seed}" for space in SPACES if not any(s["name"] == f"{space}-{seed}" for s in read(ended))]
        with ThreadPoolExecutor() as pool:
            for study in pool.map(lambda name, seed=seed: search(name, given.out, given.time, seed), missing):
                with ended.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(study) + "\n")
    report(read(ended))
    return 0


def write_lines(out: Path) -> None:
    """The lines that all studies learn from and are measured on, as pairs of files."""
    for split, count in LINES.items():
        folder = out / split
        if folder.exists():
            continue
        making = out / f"{split}.partial"
        making.mkdir(parents=True, exist_ok=True)
        for number, line in enumerate(digit_lines(split, 0, count).lines):
            line.load().save(making / f"{number:04}.png")
            (making / f"{number:04}.gt.txt").write_text(line.text + "\n", encoding="utf-8")
        making.rename(folder)


def search(name: str, out: Path, limit: str, seed: int) -> dict[str, Any]:
    """One study on a core of its own: its name, seconds, number of full trainings, and front."""
    file = out / f"{name}.toml"
    space = name.partition("-")[0]
    text = STUDY.replace("SOURCE", str(out.resolve())) + (OPEN if space == "open" else "")
    file.write_text(text, encoding="utf-8")
    options = {"name": name, "time": limit, "seed": seed, "workers": 1}
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    environment = {**os.environ, "PARETEXT_HOME": str(out / f"home-{space}"), "OMP_NUM_THREADS": "1"}
    cores = sorted(os.sched_getaffinity(0))
    core = cores[(SPACES.index(space) + seed) % len(cores)]
    here = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(file), "--json", *words]
    start = time.monotonic()
    with (out / f"{name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            ["taskset", "-c", str(core), *here], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
        )
        assert process.stdout is not None
        answer = process.stdout.read()
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(
            f"study '{name}' ended without a front (see {name}.log); give it more time with --time, in another --out"
        )
    front = [
        {"error": 1 - p["accuracy"], "bytes": p["size_bytes"], "architecture": p["architecture"]} for p in json.loads(answer)
    ]
    seconds, processor = round(time.monotonic() - start), round(used.ru_utime + used.ru_stime)
    trials = load_store(Workspace(Path(environment["PARETEXT_HOME"])), name).candidates()
    finished = sum(trial.counts_against_budget for trial in trials)
    return {"name": name, "seconds": seconds, "processor_seconds": processor, "finished": finished, "front": front}


def read(file: Path) -> list[dict[str, Any]]:
    """The studies that have ended."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def worth(study: dict[str, Any]) -> tuple[float, float]:
    """Area that the front dominates: over bytes in shares of the limit, and over their logarithm."""
    points = [(point["error"], point["bytes"] / LIMIT_BYTES) for point in study["front"]]
    logarithmic = [(error, math.log(share)) for error, share in points]
    return hypervolume(points, (1.0, 1.0)), hypervolume(logarithmic, (1.0, 0.0))


def report(studies: list[dict[str, Any]]) -> None:
    """A line for each front, its points, and the ratios."""
    for study in studies:
        linear, logarithmic = worth(study)
        print(
            f"{study['name']:9s} {study['seconds']:4d} s, {study['processor_seconds']} processor-s, {study['finished']} "
            f"finished; area: bytes {linear:.4f}, log bytes {logarithmic:.3f}"
        )
        for point in sorted(study["front"], key=lambda point: point["bytes"]):
            a = point["architecture"]
            cut = f", -{a['prune_percent']} %" if a["prune_percent"] else ""
            what = f"{a['backbone']} {a['width_percent']} % {a['encoder_layers']}x{a['encoder_hidden']}{cut}, {a['precision']}"
            print(f"    {100 * (1 - point['error']):5.1f} % at {point['bytes'] / 1000:7.1f} KB  {what}")
    by_name = {study["name"]: worth(study) for study in studies}
    for name, (linear, logarithmic) in by_name.items():
        closed = by_name.get(name.replace("open", "closed"))
        if name.startswith("open") and closed is not None:
            print(f"{name}: bytes {linear / closed[0]:.3f} times, log bytes {logarithmic / closed[1]:.3f} times")


if __name__ == "__main__":
    raise SystemExit(main())
