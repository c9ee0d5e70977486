"""Images per second of our loop against a plain one: same model, data, recipe, number of lines seen and cores.

python -m benchmarks.training_throughput.run [--lines 3000] [--epochs 6] [--width 25] [--threads 2]

Both loops use as many threads as make their steps quickest, at most --threads; the plain one has as many processes besides that
decode and augment.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.training_throughput.lines import write_lines
from benchmarks.training_throughput.plain import read_plainly, train_plainly
from search_space import Architecture
from trainers.data.prepared import DataSpec, prepare
from trainers.geometry import canonical_width
from trainers.progress import EpochReport
from trainers.recipe import RECIPES
from trainers.threads import quickest_threads
from trainers.training import Trained, train
from trainers.validation import validate


def main() -> None:
    """Runs both loops and prints a table and a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=3000)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--width", type=int, default=25, help="width_percent of the model")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    args = parser.parse_args()
    architecture = Architecture(width_percent=args.width)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        write_lines(folder / "training", args.lines, 0)
        write_lines(folder / "validation", 500, 1)
        started = time.perf_counter()
        prepared = prepare(DataSpec(str(folder / "training"), str(folder / "validation")), folder / "cache")
        decoding_s = time.perf_counter() - started
        charset = prepared.charset
        recipe = RECIPES["paretext"]
        recipe = recipe.with_(batch_lines=recipe.lines_per_batch(args.lines), precision="fp32", flat_start=0)
        widest = canonical_width(int(max(prepared.training.widths.max(), prepared.validation.widths.max())))

        typical = canonical_width(int(prepared.training.widths.mean()))
        threads = {
            name: quickest_threads(architecture, len(charset), recipe.batch_lines, width_px, args.threads)
            for name, width_px in (("ours", typical), ("plain", widest))
        }
        spent = [0.0]

        def report(epoch: EpochReport) -> bool:
            spent[0] += epoch.seconds
            return True

        torch.set_num_threads(threads["ours"])
        trained = train(architecture, prepared, recipe, args.epochs, folder / "trial", 0, report)
        assert isinstance(trained, Trained)
        ours = validate(trained.recognizer, prepared.validation, charset.symbols)
        torch.set_num_threads(threads["plain"])
        network, plain_s = train_plainly(
            architecture, folder / "training", widest, charset, recipe, args.epochs, workers=args.threads
        )
        plain = read_plainly(network, folder / "validation", widest, charset)
    seen = args.lines * args.epochs
    ours_s = spent[0] + decoding_s
    result = {
        "lines": args.lines,
        "epochs": args.epochs,
        "batch_lines": recipe.batch_lines,
        "widest_px": widest,
        "threads": threads,
        "mean_px": float(prepared.training.widths.mean()),
        "ours": {"images_per_s": seen / ours_s, "accuracy": ours.accuracy, "cer": ours.cer, "seconds": ours_s},
        "plain": {"images_per_s": seen / plain_s, "accuracy": plain.accuracy, "cer": plain.cer, "seconds": plain_s},
        "times_as_fast": plain_s / ours_s,
    }
    print(f"{'loop':6} {'images/s':>9} {'seconds':>8} {'accuracy':>9} {'CER':>7}")
    for name, images_per_s, seconds, read in (("plain", seen / plain_s, plain_s, plain), ("ours", seen / ours_s, ours_s, ours)):
        print(f"{name:6} {images_per_s:9.1f} {seconds:8.1f} {read.accuracy:9.3f} {read.cer:7.4f}")
    print(f"ours is {plain_s / ours_s:.2f} times as fast (decoding once and reading the validation lines each epoch included)")
    print(json.dumps(result))


if __name__ == "__main__":
    main()
