"""The two pictures at the top of the README, from what this benchmark has recorded.

python -m benchmarks.search_efficiency.overview     # writes docs/hypervolume.png and docs/front.png
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib
import numpy as np

from benchmarks.search_efficiency.problems import TABLE
from benchmarks.search_efficiency.replay import REPLAYS
from benchmarks.search_efficiency.report import replays, volumes
from benchmarks.search_efficiency.searches import PARETEXT
from dashboards.views import front_plot
from search_space import Architecture
from studies.storage.front_point import FrontPoint
from studies.storage.pareto_front import pareto_front

matplotlib.use("Agg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).parents[2] / "docs"
SHOWN = {
    PARETEXT: ("Paretext's default search", "#0b62a4", 3.0),
    "BoTorch qLogNEHVI, known sizes and precisions": ("BoTorch qLogNEHVI, told the sizes", "#7f3b08", 1.6),
    "TPE, MO-ASHA": ("TPE + MO-ASHA, also in Paretext", "#e08214", 1.6),
    "Optuna GPSampler": ("Optuna GPSampler", "#1b9e9e", 1.6),
    "Optuna TPE": ("Optuna TPE", "#4d9221", 1.6),
    "Ray OptunaSearch + ASHA": ("Ray OptunaSearch + ASHA", "#8e63a8", 1.6),
    "random": ("random", "0.5", 1.6),
    "Syne Tune MOASHA": ("Syne Tune MOASHA", "#b2182b", 1.6),
}
"""Name of a search in the replays to its label, colour and line width, from the best to the worst at the end."""
VALIDATION_LINES = 500
"""Lines that the files of the table were measured on."""
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
    """All recorded trainings in each precision, as `paretext front --plot` draws the files of a study."""
    rows = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").splitlines()]
    points = []
    for row in rows:
        for precision, stored in row["files"].items():
            architecture = Architecture(**row["architecture"], precision=precision).as_dict()
            measured = stored["accuracy"], stored["cer"], stored["bytes"]
            points.append(FrontPoint(len(points), *measured, 0.0, 0, architecture, "", validation_lines=VALIDATION_LINES))
    front_plot.draw(points, pareto_front(points), "digits", file)


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    draw_hypervolume(DOCS / "hypervolume.png")
    draw_front(DOCS / "front.png")
