"""Runs `paretext search --data LINES --time TIME` as a user would, on four tasks, with an empty cache.

    python -m benchmarks.any_clock.run --out OUT --fraktur DIR --labels LABELS.tsv [--tasks a b c d] [--seeds 0 1 2]
        [--begin random starter] [--study FILE]
    python -m benchmarks.any_clock.run --out OUT --begin before --checkout FOLDER
    python -m benchmarks.any_clock.run --out OUT --summary

a  300 photographs of codes, 4 minutes        c  printed Fraktur lines, 15 minutes
b  800 photographs of codes, 10 minutes       d  100,000 rendered shop signs, 30 minutes

The front is read on test lines that the search has never seen. `--begin` says what the networks begin with: random or starter
weights, or `before`: the search is that of another version, from its checkout. A study file gives further
settings. A search that has ended is not run again.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from benchmarks.small_data.codes import write_codes
from search_space.units import parse_size


@dataclass(frozen=True)
class Task:
    """Lines and a clock.

    Attributes:
        words: description in a few words.
        time: time limit, as on the command line.
        within: largest size of a model that counts, as on the command line; "" counts all.
        aim: least share of test lines, or most character errors if it is negative.
    """

    words: str
    time: str
    within: str
    aim: float


TASKS = {
    "a": Task("300 codes", "4m", "", 0.85),
    "b": Task("800 codes", "10m", "", 0.90),
    "c": Task("Fraktur", "15m", "700KB", -0.02),
    "d": Task("100,000 rendered lines", "30m", "", 0.60),
}
TEST_LINES = 500
BEFORE = "before"
"""Beginning of the searches of another version, which has no choice of beginnings."""
BEGINNINGS = ("random", "starter", BEFORE)
"""What the networks of a search begin with."""


def make_lines(name: str, out: Path, fraktur: Path | None, labels: Path | None) -> tuple[Path, Path]:
    """Folders of training and of test lines, made once."""
    folder = out / "lines" / name
    training, test = folder / "training", folder / "test"
    if (folder / "complete").exists():
        return training, test
    if name in "ab":
        write_codes(training, 300 if name == "a" else 800, 0)
        write_codes(test, TEST_LINES, 2_000_000)
    elif name == "c":
        if fraktur is None:
            raise SystemExit("task c needs --fraktur: the folder that holds its training and testing lines")
        training.parent.mkdir(parents=True, exist_ok=True)
        training.symlink_to(fraktur / "training")
        test.symlink_to(fraktur / "testing")
    else:
        if labels is None:
            raise SystemExit("task d needs --labels: a file with one file name, tab and label a line")
        for part, count, seed in ((training, 100_000, 0), (test, TEST_LINES, 1)):
            _paretext(["data", "render", str(part), "--labels", str(labels), "--count", str(count), "--seed", str(seed)], {})
    (folder / "complete").touch()
    return training, test


def run(
    name: str,
    begin: str,
    seed: int,
    out: Path,
    training: Path,
    test: Path,
    study: Path | None = None,
    checkout: Path | None = None,
) -> dict[str, Any]:
    """One search from an empty cache, of a study file if one is given, and its front on the test lines.

    Args:
        name: of the task.
        begin: one of `BEGINNINGS`.
        seed: of the search.
        out: where its files go.
        training, test: folders of lines.
        study: a file with further settings.
        checkout: of the version that searches with the beginning `BEFORE`; this one searches with the others.
    """
    task, home = TASKS[name], out / "runs" / f"{name}-{begin}-{seed}"
    home.mkdir(parents=True)
    environment = {"PARETEXT_HOME": str(home)}
    began = time.monotonic()
    command = ["search"] if study is None else ["search", str(study)]
    command += ["--data", str(training), "--time", task.time, "--seed", str(seed), "--name", "clock", "--json"]
    command += [] if begin == BEFORE else ["--begin", begin]
    answer = _paretext(command, environment, home / "search.log", checkout if begin == BEFORE else None)
    seconds = time.monotonic() - began
    front = json.loads(answer) if answer.strip() else []
    read = [point | _tested(Path(point["model"]), test, environment) for point in front]
    front = [_short(point) for point in read]
    return {"task": name, "begin": begin, "seed": seed, "seconds": round(seconds, 1), "front": front}


def _tested(model: Path, test: Path, environment: dict[str, str]) -> dict[str, float]:
    """Exact match and CER on the test lines, with what is beside each image as the truth."""
    from trainers.evaluation.metrics import score

    images = sorted(str(path) for path in test.rglob("*.[pj][np]g"))
    answer = json.loads(_paretext(["predict", "--model", str(model), "--truth", "--json", *images], environment))
    lines = [line for line in answer if "truth" in line]
    found = score([line["truth"] for line in lines], [line["text"] for line in lines])
    return {"test_accuracy": found.accuracy, "test_cer": found.cer, "test_lines": found.lines}


def _short(point: dict[str, Any]) -> dict[str, Any]:
    names = ("accuracy", "cer", "size_bytes", "latency_ms", "test_accuracy", "test_cer", "test_lines")
    return {name: point[name] for name in names}


def _paretext(words: list[str], environment: dict[str, str], log: Path | None = None, checkout: Path | None = None) -> str:
    """Runs the command line, of another version if its checkout is given; what it prints."""
    command = [sys.executable, "-m", "dashboards.cli.command_line", *words]
    done = subprocess.run(command, cwd=checkout, env={**os.environ, **environment}, capture_output=True, text=True, check=False)
    if log is not None:
        log.write_text(done.stderr, encoding="utf-8")
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(words[:3])} ended with {done.returncode}: {done.stderr[-2000:]}")
    return done.stdout


def load(out: Path) -> list[dict[str, Any]]:
    """The searches that have ended, by task, beginning and seed."""
    files = sorted((out / "results").glob("*.json"))
    found = [json.loads(file.read_text(encoding="utf-8")) for file in files]
    return sorted(found, key=lambda row: (row["task"], row["begin"], row["seed"]))


def best_of(result: dict[str, Any]) -> dict[str, Any] | None:
    """The file within the limit of the task that is best on the validation lines, as a user would choose; None if none is."""
    within = TASKS[result["task"]].within
    most = parse_size(within) if within else float("inf")
    return max((p for p in result["front"] if p["size_bytes"] <= most), key=lambda p: p["accuracy"], default=None)


def summary(results: list[dict[str, Any]]) -> str:
    """Markdown: a row for each task and beginning, with means over the seeds."""
    rows = ["| task | time | begin | seeds | back after | points | best on test lines | CER | aim |", f"|{'---|' * 9}"]
    for (name, begin), group in itertools.groupby(results, lambda row: (row["task"], row["begin"])):
        found, task = list(group), TASKS[name]
        best = [best_of(result) for result in found]
        read = [(0.0, 1.0) if p is None else (p["test_accuracy"], p["test_cer"]) for p in best]
        aim = f"{task.aim:.0%} of lines" if task.aim > 0 else f"CER {-task.aim:.0%} within {task.within}"
        rows.append(
            f"| {task.words} | {task.time} | {begin} | {len(found)} | {_range([r['seconds'] for r in found])} s "
            f"| {_range([len(r['front']) for r in found])} | {mean(a for a, _ in read):.1%} ({min(a for a, _ in read):.1%} to "
            f"{max(a for a, _ in read):.1%}) | {mean(c for _, c in read):.2%} | {aim} |"
        )
    return "\n".join(rows)


def details(results: list[dict[str, Any]]) -> str:
    """Markdown: a row for each search."""
    names = ("task", "begin", "seed", "back after", "points", "KB", "best on the validation lines", "its test lines", "CER")
    rows = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    for result in results:
        best, task = best_of(result), TASKS[result["task"]]
        sizes = [p["size_bytes"] / 1000 for p in result["front"]]
        chosen = " | | "
        if best is not None:
            size = f"{best['size_bytes'] / 1000:.1f} KB"
            chosen = f"{best['accuracy']:.1%} ({size}) | {best['test_accuracy']:.1%} | {best['test_cer']:.2%}"
        rows.append(
            f"| {task.words} | {result['begin']} | {result['seed']} | {result['seconds']:.0f} s | {len(sizes)} "
            f"| {f'{min(sizes):.1f} to {max(sizes):.1f}' if sizes else ''} | {chosen} |"
        )
    return "\n".join(rows)


def _range(values: list[float]) -> str:
    low, high = round(min(values)), round(max(values))
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def main() -> None:
    """Runs what is missing, or prints the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--fraktur", type=Path)
    parser.add_argument("--labels", type=Path)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--begin", nargs="+", choices=BEGINNINGS, default=["random", "starter"])
    parser.add_argument("--study", type=Path, help="a study file with further settings")
    parser.add_argument("--checkout", type=Path, help="another version, for --begin before")
    parser.add_argument("--summary", action="store_true")
    asked = parser.parse_args()
    if BEFORE in asked.begin and asked.checkout is None:
        parser.error("--begin before needs --checkout FOLDER")
    if not asked.summary:
        for seed, name, begin in itertools.product(asked.seeds, asked.tasks, asked.begin):
            file = asked.out / "results" / f"{name}-{begin}-{seed}.json"
            if not file.exists():
                training, test = make_lines(name, asked.out, asked.fraktur, asked.labels)
                result = run(
                    name, begin, seed, asked.out.resolve(), training.resolve(), test.resolve(), asked.study, asked.checkout
                )
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
                print(f"{file.stem}: {result['seconds']:.0f} s, {len(result['front'])} points", flush=True)
    results = load(asked.out)
    print(summary(results), details(results), sep="\n\n")


if __name__ == "__main__":
    main()
