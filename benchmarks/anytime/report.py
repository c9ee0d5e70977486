"""The table and the plot of what `benchmarks.anytime.run` has trained so far.

python -m benchmarks.anytime.report --out OUT [--plot curves.png]
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from math import exp, log, sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from benchmarks.anytime.lines import PROBLEMS

LENGTHS = (5, 10, 20, 40, 80)
METHODS = {
    "cosine of that length": ("cosine over {epochs}", "none"),
    "constant": ("constant", "none"),
    "constant, EMA 0.99": ("constant", "ema 0.99"),
    "constant, EMA 0.998": ("constant", "ema 0.998"),
    "constant, EMA 0.998, BatchNorm recalibrated": ("constant", "ema 0.998, recalibrated"),
    "constant, power EMA of 10 %": ("constant", "power 0.10"),
    "constant, the last fifth decayed": ("constant, decay to {epochs}", "none"),
    "constant, the last fifth decayed, EMA 0.99": ("constant, decay to {epochs}", "ema 0.99"),
    "schedule-free AdamW": ("schedule-free", "its own, recalibrated"),
}
"""Name in the table to schedule and average in the results."""

Results = dict[tuple[str, str, int], dict[int, dict[str, Any]]]
"""Data set, method and epochs to the row of each seed."""


def load(folder: Path) -> Results:
    """Every result there is."""
    rows = [json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text("utf-8").splitlines()]
    found: Results = defaultdict(dict)
    for row in rows:
        for method, (schedule, average) in METHODS.items():
            if row["schedule"] == schedule.format(epochs=row["epoch"]) and row["average"] == average:
                found[row["data"], method, row["epoch"]][row["seed"]] = row
    return found


def table(results: Results, data: str) -> str:
    """Markdown: exact match / CER of the test lines, mean of the seeds; those of `n` seeds are marked where they are fewer."""
    seeds = max((len(rows) for (name, _, _), rows in results.items() if name == data), default=0)
    lines = [f"| {data}, {seeds} seeds | " + " | ".join(f"{n} epochs" for n in LENGTHS) + " |", "|---|" + "---|" * len(LENGTHS)]
    best = {n: min((_cer(results[data, m, n]) for m in METHODS if (data, m, n) in results), default=0.0) for n in LENGTHS}
    for method in METHODS:
        cells = []
        for epochs in LENGTHS:
            rows = results.get((data, method, epochs), {})
            if not rows:
                cells.append("")
                continue
            cell = f"{mean(r['test_accuracy'] for r in rows.values()):.3f} / {_cer(rows):.3f}"
            cell = f"**{cell}**" if _cer(rows) == best[epochs] else cell
            cells.append(cell + (f" ({len(rows)})" if len(rows) < seeds else ""))
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def against_cosine(results: Results) -> str:
    """Markdown: CER of each method relative to the cosine of the same length, data set and seed: geometric mean of the pairs.

    In brackets is the 95 % confidence interval of the mean (Student's t of the logarithms), and the number of pairs.
    """
    lines = [
        "| CER relative to the cosine | " + " | ".join(f"{n} epochs" for n in LENGTHS) + " |",
        "|---|" + "---|" * len(LENGTHS),
    ]
    for method in METHODS:
        cells = []
        for epochs in LENGTHS:
            ratios = []
            for data in PROBLEMS:
                cosine, own = (results.get((data, m, epochs), {}) for m in ("cosine of that length", method))
                pairs = [(own[s]["test_cer"], cosine[s]["test_cer"]) for s in own.keys() & cosine.keys()]
                ratios += [log(max(mine, 1e-4) / max(theirs, 1e-4)) for mine, theirs in pairs]
            cells.append(_interval(ratios))
        lines.append(f"| {method} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _interval(logarithms: list[float]) -> str:
    from scipy.stats import t

    if not logarithms:
        return ""
    middle, count = mean(logarithms), len(logarithms)
    if count < 2 or not stdev(logarithms):
        return f"{exp(middle):.2f} ({count})"
    half = float(t.ppf(0.975, count - 1)) * stdev(logarithms) / sqrt(count)
    return f"{exp(middle):.2f} ({exp(middle - half):.2f}-{exp(middle + half):.2f}, {count})"


def _cer(rows: dict[int, dict[str, Any]]) -> float:
    return mean(row["test_cer"] for row in rows.values())


def plot(results: Results, path: Path) -> None:
    """CER of the test lines by epochs, a panel for each data set, both axes logarithmic."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, 2, figsize=(11, 8), layout="constrained")
    shown = [m for m in METHODS if "recalibrated" not in m and m[-8:] != "EMA 0.99"]
    for axis, data in zip(axes.flat, PROBLEMS, strict=True):
        for method in shown:
            points = sorted((n, _cer(rows)) for (name, m, n), rows in results.items() if name == data and m == method)
            style = {"color": "black", "marker": "o"} if method.startswith("cosine") else {"marker": "."}
            if points:
                axis.plot(*zip(*points, strict=True), label=method, **style)
        axis.set(title=data, xscale="log", yscale="log", xlabel="epochs", ylabel="CER of the test lines")
        axis.set_xticks([1, 2, 5, 10, 20, 40, 80], labels=["1", "2", "5", "10", "20", "40", "80"])
        axis.grid(alpha=0.3)
    axes.flat[0].legend(fontsize=8)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def main() -> None:
    """Prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    results = load(arguments.out / "results")
    for data in PROBLEMS:
        print(table(results, data), end="\n\n")
    print(against_cosine(results))
    if arguments.plot is not None:
        plot(results, arguments.plot)


if __name__ == "__main__":
    main()
