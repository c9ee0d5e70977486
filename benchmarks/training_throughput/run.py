"""Images per second of our loop against a plain one: same model, data, recipe, number of lines seen and cores.

    python -m benchmarks.training_throughput.run [--lines 3000] [--epochs 6] [--width 25] [--threads 2]
    python -m benchmarks.training_throughput.run --look scans --epochs 8 --out runs/throughput_scans
    python -m benchmarks.training_throughput.run --device cuda --lines 20000 --width 100 --threads 8 --out runs/throughput_gpu
    python -m benchmarks.training_throughput.run --shares

Both loops use as many threads as make their steps quickest, at most --threads; the plain one has as many processes besides that
decode and augment. They take turns, an epoch each, so that whatever else the machine does slows both; rates are those of the
median epoch. Our time includes decoding all lines once, a checkpoint and a reading of validation lines after each epoch; the
plain one's none of these. With --minutes it stops after the epoch in which the time is up, and the same command continues.
--shares only prints how the time of our loop is divided among operations.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from pathlib import Path
from statistics import median
from typing import Any

import torch

from benchmarks.training_throughput.busy import Stretch
from benchmarks.training_throughput.lines import LOOKS, write_lines
from benchmarks.training_throughput.loops import OurLoop, PlainTurns, Task
from search_space import Architecture
from trainers.base.cores import usable_cores
from trainers.base.recipe import RECIPES, Recipe
from trainers.data.dataset import prepare

VALIDATION_LINES = 1000
VALIDATED_EACH_EPOCH = 200
PROFILED_LINES = 600


def take_turns(task: Task, most_minutes: float) -> dict[str, Any]:
    """Trains an epoch with each loop, until both are through or the time is over; all that has been measured so far."""
    file = task.out / "turns.json"
    turns: list[dict[str, Any]] = json.loads(file.read_text()) if file.exists() else []
    threads = json.loads((task.out / "threads.json").read_text())
    ends = time.monotonic() + 60 * most_minutes
    loops = {"plain": PlainTurns(task, threads["plain"]), "ours": OurLoop(task, threads["ours"])}
    while len(turns) < 2 * task.epochs and time.monotonic() < ends:
        name, epoch = ("plain", "ours")[len(turns) % 2], len(turns) // 2
        load = os.getloadavg()[0]
        with Stretch(task.gpu) as stretch:
            loops[name].epoch(epoch)
        loops[name].save(epoch)
        turns.append({"loop": name, "load": load, **stretch.as_dict()})
        print(f"{name} epoch {epoch + 1}: {stretch.seconds:.1f} s, {stretch.cpu_seconds:.1f} s of processor time", flush=True)
        file.write_text(json.dumps(turns, indent=1) + "\n")
    through = len(turns) == 2 * task.epochs
    loops["plain"].end()
    return {
        "device": "cpu" if task.device == "cpu" else torch.cuda.get_device_name(task.device),
        "lines": len(task.prepared.training),
        "epochs": task.epochs,
        "batch_lines": task.recipe.batch_lines,
        "mean_px": float(task.prepared.training.widths.mean()),
        "widest_px": task.widest_px,
        **{name: summary([t for t in turns if t["loop"] == name], task, threads[name]) for name in loops},
        "scores": {name: loop.score() for name, loop in loops.items()} if through else {},
    }


def summary(turns: list[dict[str, Any]], task: Task, threads: int) -> dict[str, Any]:
    """Of one loop's epochs: medians, sums, and the mean share of the time in which the GPU computed."""
    seen, kinds = len(task.prepared.training), ("seconds", "cpu_seconds", "own_cpu_seconds")
    seconds, cpu_seconds, own = (median(t[name] for t in turns) if turns else math.inf for name in kinds)
    shares = [t["gpu_busy"] for t in turns if t["gpu_busy"] is not None]
    return {
        "threads": threads,
        "epochs": len(turns),
        "images_per_s": seen / seconds,
        "images_per_cpu_s": seen / cpu_seconds,
        "images_per_own_cpu_s": seen / own,
        **{name: sum(t[name] for t in turns) for name in kinds},
        "gpu_busy": sum(shares) / len(shares) if shares else None,
        "load": sum(t["load"] for t in turns) / max(1, len(turns)),
    }


def tell(result: dict[str, Any]) -> None:
    """Prints a table, the ratios, and all of it as JSON."""
    print("| loop | threads | images/s | images per processor second | GPU busy | accuracy | CER |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for name in ("plain", "ours"):
        r, read = result[name], result["scores"].get(name)
        busy = "" if r["gpu_busy"] is None else f"{100 * r['gpu_busy']:.0f} %"
        scores = f"{read['accuracy']:.3f} | {read['cer']:.4f}" if read else " | "
        print(f"| {name} | {r['threads']} | {r['images_per_s']:.1f} | {r['images_per_cpu_s']:.1f} | {busy} | {scores} |")
    if result["ours"]["epochs"]:
        ours, plain = result["ours"], result["plain"]
        print(
            f"ours is {ours['images_per_s'] / plain['images_per_s']:.2f} times as fast; "
            f"{ours['images_per_cpu_s'] / plain['images_per_cpu_s']:.2f} times by processor time, "
            f"{ours['images_per_cpu_s'] / plain['images_per_own_cpu_s']:.2f} times if decoding cost the plain loop nothing"
        )
    print(json.dumps(result))


def recipe_of(lines: int, device: str) -> Recipe:
    """Ours, but for the even contrast, which the plain loop has not; on a GPU in bf16, where it has that."""
    recipe = RECIPES["paretext"]
    return recipe.with_(
        batch_lines=recipe.lines_per_batch(lines),
        precision="fp32" if device == "cpu" else "auto",
        even_contrast=False,
        validation_lines=VALIDATED_EACH_EPOCH,
    )


def main() -> None:
    """Reads the command line, makes the lines and runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--width", type=int, default=25, help="width_percent of the model")
    parser.add_argument("--threads", type=int, default=usable_cores())
    parser.add_argument("--look", choices=LOOKS, default=LOOKS[0], help="of the lines")
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="stop after so many; the same command continues")
    parser.add_argument("--out", type=Path, default=Path("runs/training_throughput"))
    parser.add_argument("--shares", action="store_true", help="only say where the time of our loop goes, on the CPU")
    args = parser.parse_args()
    if not (args.out / "made").exists():
        write_lines(args.out / "training", args.lines, 0, args.look)
        write_lines(args.out / "validation", VALIDATION_LINES, 1, args.look)
        (args.out / "made").touch()
    architecture, recipe = Architecture(width_percent=args.width), recipe_of(args.lines, args.device)
    task = Task(architecture, recipe, args.epochs, args.device, args.out, args.threads)
    if args.shares:
        from benchmarks.training_throughput.shares import shares

        torch.set_num_threads(1)
        prepared = prepare(task.spec.with_(training_lines=PROFILED_LINES), args.out / "cache")
        for purpose, share in shares(architecture, prepared, recipe.with_(validation_lines=1)).items():
            print(f"{100 * share:5.1f} %  {purpose}")
        return
    if not (args.out / "threads.json").exists():
        (args.out / "threads.json").write_text(json.dumps(task.fastest_thread_count()) + "\n")
    tell(take_turns(task, args.minutes))


if __name__ == "__main__":
    main()
