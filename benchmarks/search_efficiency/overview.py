"""The two pictures at the top of the README, from what this benchmark has recorded.

python -m benchmarks.search_efficiency.overview     # writes docs/hypervolume.png and docs/front.png
"""

from __future__ import annotations

import json
from pathlib import Path

import matplotlib
import numpy as np

from benchmarks.search_efficiency.problems import TABLE
from benchmarks.search_efficiency.replay import REPLAYS
from benchmarks.search_efficiency.report import replays, volumes
from benchmarks.search_efficiency.searches import PARETEXT
from studies.objectives.pareto import front_numbers

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = {
    PARETEXT: ("Paretext's default search", "#0b62a4", 3.0),
    "TPE, MO-ASHA": ("TPE + MO-ASHA, also in Paretext", "#e08214", 1.6),
    "Optuna TPE": ("Optuna TPE", "#4d9221", 1.6),
    "Ray OptunaSearch + ASHA": ("Ray OptunaSearch + ASHA", "#8e63a8", 1.6),
    "random": ("random", "0.5", 1.6),
    "Syne Tune MOASHA": ("Syne Tune MOASHA", "#b2182b", 1.6),
}
"""Name of a search in the replays to its label, colour and line width, from the best to the worst at the end."""
LAST_EPOCH = 300
"""Where the plot ends: every search without early stopping has had 33 full trainings by then."""


def draw_hypervolume(file: Path) -> None:
    """Mean hypervolume of each search against the epochs that it has trained, with the standard error over the seeds."""
    searches = replays([REPLAYS])["table"]
    budgets = np.arange(1, LAST_EPOCH + 1)
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for name, (label, color, width) in SHOWN.items():
        found = volumes(searches[name], budgets)
        mean, error = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
        axes.plot(budgets, mean, label=label, color=color, linewidth=width, zorder=2 + width)
        axes.fill_between(budgets, mean - error, mean + error, color=color, alpha=0.15, linewidth=0)
    axes.set(xlabel="epochs trained", ylabel="hypervolume (1 = best possible)", xlim=(0, LAST_EPOCH), ylim=(0.3, 1.02))
    axes.set_title(f"Epochs a search needs (mean of {len(searches[PARETEXT])} seeds)")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=130)
    plt.close(figure)


def draw_front(file: Path) -> None:
    """All recorded trainings in each precision: lines read correctly against bytes, and the Pareto front of them."""
    rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    files = [(name, stored["bytes"] / 1e3, 100 * stored["accuracy"]) for row in rows for name, stored in row["files"].items()]
    front = [i for i, number in enumerate(front_numbers([(size, -right) for _, size, right in files])) if number == 0]
    figure, axes = plt.subplots(figsize=(6.4, 4.6), layout="constrained")
    for precision, color in (("fp32", "#4d9221"), ("fp16", "#e08214"), ("int8", "#0b62a4")):
        _, sizes, right = zip(*(f for f in files if f[0] == precision), strict=True)
        axes.scatter(sizes, right, s=14, color=color, alpha=0.55, linewidths=0, label=precision)
    steps = sorted(files[i][1:] for i in front)
    sizes, right = zip(*steps, strict=True)
    axes.step([*sizes, 6000], [*right, right[-1]], where="post", color="black", linewidth=1.6, label="Pareto front")
    axes.set(xscale="log", xlabel="size of the ONNX file (KB)", ylabel="lines read without a mistake (%)", xlim=(60, 6000))
    axes.set_xticks([100, 300, 1000, 3000], ["100", "300", "1,000", "3,000"])
    axes.set_title(f"{len(rows)} architectures, each stored in 3 precisions")
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=130)
    plt.close(figure)


if __name__ == "__main__":
    draw_hypervolume(DOCS / "hypervolume.png")
    draw_front(DOCS / "front.png")
