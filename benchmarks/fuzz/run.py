"""Fuzzes the parsers that read what strangers write, one after the other.

    pip install atheris
    python -m benchmarks.fuzz.run --folder /tmp/fuzz --seconds 600 [TARGET ...]

For each target it prints a line of JSON: seconds, executions, places that raised, and inputs that ended the process.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

TARGETS = ("label_files", "study_files", "images", "exported_files", "served_requests", "coded_weights")
LIMITS = ("-timeout=60", "-rss_limit_mb=4096", "-max_len=16384")
"""Seconds and megabytes after which libFuzzer takes one input for a hang or a leak, and the longest input."""
EXECUTIONS = re.compile(r"number_of_executed_units: (\d+)")
PULSE = re.compile(r"^#(\d+)\s", re.MULTILINE)


def fuzz(target: str, folder: Path, seconds: int) -> dict[str, Any]:
    """Runs one target for so long; where an input ends the process, the rest of the time begins anew."""
    folder.mkdir(parents=True, exist_ok=True)
    began, executions = time.monotonic(), 0
    while (left := seconds - int(time.monotonic() - began)) > 0:
        command = [sys.executable, "-m", "benchmarks.fuzz.one", target, str(folder), *LIMITS, f"-max_total_time={left}"]
        ended = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        (folder / "last.log").write_text(ended.stderr)
        counted = EXECUTIONS.findall(ended.stderr) or PULSE.findall(ended.stderr)
        executions += int(counted[-1]) if counted else 0
        if ended.returncode != 0 and not counted:
            raise SystemExit(f"{target} does not run: {ended.stderr[-2000:]}")
    return {
        "target": target,
        "seconds": round(time.monotonic() - began),
        "executions": executions,
        "findings": [file.read_text().splitlines()[0] for file in sorted((folder / "findings").glob("*.txt"))],
        "fatal": sorted(file.name for file in folder.iterdir() if re.match(r"(crash|timeout|oom)-", file.name)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", metavar="TARGET", nargs="*", default=TARGETS)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--seconds", type=int, default=600)
    arguments = parser.parse_args()
    for target in arguments.targets:
        print(json.dumps(fuzz(target, arguments.folder / target, arguments.seconds)), flush=True)


if __name__ == "__main__":
    main()
