"""The built-in study against the same study over the first space that Paretext had, both for the same time.

    python -m benchmarks.digits_study.run [--time 10m] [--seeds 0 1] [--workers 1] [--out runs/digits_study]

Decisions:
- Both are `paretext search` in a process of its own, of the built-in study with other choices only; they take turns.
- Trials are not counted and files of up to 2 MB allowed, so that time alone ends a study and the first space, which knows
  fp32 only, is not cut off at 800 KB.
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
from pathlib import Path
from typing import Any

from studies.definition.study_file import BUILT_IN
from studies.objectives.pareto import hypervolume

LIMIT_BYTES = 2_000_000
FIRST_SPACE = """
[space]
backbone = ["mobilenetv3_small"]
width_percent = [25, 50, 75]
encoder_hidden = [24, 48, 64, 96]
"""
"""What it leaves out keeps its default: no neck, squeeze-and-excitation, two GRU layers, fp32."""


def main() -> None:
    """Runs what is missing, then prints all fronts and what they are worth."""
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--time", default="10m", help="wall-clock of each study (10m)")
    arguments.add_argument("--seeds", type=int, nargs="+", default=[0, 1], help="each space is searched with each (0 1)")
    arguments.add_argument("--workers", type=int, default=1, help="trainings at a time (1)")
    arguments.add_argument("--out", type=Path, default=Path("runs/digits_study"), help="where it all goes (runs/digits_study)")
    given = arguments.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    ended = given.out / "fronts.jsonl"
    for seed in given.seeds:
        for space in ("first", "built-in"):
            name = f"{space}-{seed}"
            if not any(study["name"] == name for study in read(ended)):
                study = search(name, given.out, given.time, seed, given.workers)
                with ended.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(study) + "\n")
    for study in read(ended):
        print_study(study)


def search(name: str, out: Path, limit: str, seed: int, workers: int) -> dict[str, Any]:
    """One study: its name, seconds, and front."""
    text = BUILT_IN.read_text(encoding="utf-8")
    if name.startswith("first"):
        text = text.partition("[space]")[0] + FIRST_SPACE
    file = out / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    options = {"name": name, "time": limit, "trials": 1000, "seed": seed, "workers": workers, "size-limit": f"{LIMIT_BYTES}B"}
    words = [word for option, value in options.items() for word in (f"--{option}", str(value))]
    environment = {**os.environ, "PARETEXT_HOME": str(out / "home"), "OMP_NUM_THREADS": "1"}
    start = time.monotonic()
    command = [sys.executable, "-m", "dashboards.cli.command_line", "search", str(file), "--json", *words]
    answer = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    front = [
        {"error": 1 - p["accuracy"], "bytes": p["size_bytes"], "architecture": p["architecture"]}
        for p in json.loads(answer.stdout)
    ]
    return {"name": name, "seconds": round(time.monotonic() - start), "front": front}


def read(file: Path) -> list[dict[str, Any]]:
    """The studies that have ended."""
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.exists() else []


def print_study(study: dict[str, Any]) -> None:
    """A line for the front's worth, and one for each point."""
    points = [(point["error"], point["bytes"]) for point in study["front"]]
    linear = hypervolume([(error, size / LIMIT_BYTES) for error, size in points], (1.0, 1.0))
    logarithmic = hypervolume([(error, math.log(size / LIMIT_BYTES)) for error, size in points], (1.0, 0.0))
    print(f"{study['name']:12s} {study['seconds']:4d} s  area: bytes {linear:.4f}, log bytes {logarithmic:.3f}")
    for error, size in sorted(points, key=lambda point: point[1]):
        print(f"    {100 * (1 - error):5.1f} % at {size / 1000:7.1f} KB")


if __name__ == "__main__":
    main()
