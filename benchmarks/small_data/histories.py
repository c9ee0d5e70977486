"""What the trainings of this benchmark did, epoch by epoch, one file each; a table and a plot of them."""

from __future__ import annotations

import json
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from trainers.base.progress import EpochReport

GOAL = 0.9
RECIPE_COLOURS = {"paretext": "tab:blue", "seed": "tab:orange"}


@dataclass(frozen=True)
class History:
    """One training so far.

    Attributes:
        data, recipe, seed, width_percent, epochs: what was trained, on what, for how long.
        reports: of each epoch, oldest first.
        cpu_seconds: processor time of each epoch, validation included.
    """

    data: str
    recipe: str
    seed: int
    width_percent: int
    epochs: int
    reports: tuple[EpochReport, ...] = ()
    cpu_seconds: tuple[float, ...] = ()

    @property
    def name(self) -> str:
        """Of its folder and file."""
        return f"{self.data}-{self.recipe}-{self.seed}-{self.width_percent}-{self.epochs}"

    def after(self, report: EpochReport, cpu_s: float) -> History:
        """With one epoch more; epochs that a checkpoint did not hold are replaced when they are trained again."""
        done = report.epoch - 1
        return replace(self, reports=(*self.reports[:done], report), cpu_seconds=(*self.cpu_seconds[:done], cpu_s))

    def reached(self, exact: bool) -> tuple[int, float] | None:
        """Epochs and processor minutes until `GOAL` of the lines (or of the characters) was first read, or None."""
        spent_s = 0.0
        for report, cpu_s in zip(self.reports, self.cpu_seconds, strict=True):
            spent_s += cpu_s
            if (report.accuracy if exact else 1 - report.cer) >= GOAL:
                return report.epoch, spent_s / 60
        return None

    def save(self, folder: Path) -> None:
        """Writes it in one step."""
        folder.mkdir(parents=True, exist_ok=True)
        unfinished = folder / f"{self.name}.{os.getpid()}.tmp"
        unfinished.write_text(json.dumps(asdict(self)) + "\n", encoding="utf-8")
        unfinished.replace(folder / f"{self.name}.json")


def load(path: Path) -> History:
    """One that was saved."""
    held = json.loads(path.read_text(encoding="utf-8"))
    reports = tuple(EpochReport(**report) for report in held.pop("reports"))
    return History(**{**held, "reports": reports, "cpu_seconds": tuple(held["cpu_seconds"])})


def load_all(folder: Path) -> list[History]:
    """All of a folder, ordered by data, recipe and seed."""
    return sorted((load(path) for path in folder.glob("*.json")), key=lambda h: (h.data, h.recipe, h.seed))


def table(histories: Iterable[History]) -> str:
    """Markdown, one training a row."""
    rows = [
        "| data | recipe | seed | 0.9 of lines | 0.9 of characters | exact at the end | CER at the end | epochs | minutes |",
        "|---|---|---:|---|---|---:|---:|---:|---:|",
    ]
    for h in histories:
        last = h.reports[-1]
        rows.append(
            f"| {h.data} | `{h.recipe}` | {h.seed} | {_when(h.reached(exact=True))} | {_when(h.reached(exact=False))} "
            f"| {last.accuracy:.3f} | {last.cer:.4f} | {len(h.reports)} | {sum(h.cpu_seconds) / 60:.1f} |"
        )
    return "\n".join(rows)


def _when(found: tuple[int, float] | None) -> str:
    return "not" if found is None else f"epoch {found[0]}, {found[1]:.1f} min"


def plot(histories: Sequence[History], path: Path) -> None:
    """Curves of all data sets as a PNG: the mean of the seeds, and from the lowest to the highest of them."""
    import matplotlib

    matplotlib.use("Agg")
    import numpy as np
    from matplotlib import pyplot

    runs: dict[tuple[str, str], list[History]] = defaultdict(list)
    for h in histories:
        runs[h.data, h.recipe].append(h)
    sets = sorted({h.data for h in histories})
    figure, axes = pyplot.subplots(len(sets), 2, figsize=(10, 3.4 * len(sets)), layout="constrained", squeeze=False)
    for (data, recipe), group in runs.items():
        shared = min(len(h.reports) for h in group)
        minutes = np.mean([np.cumsum(h.cpu_seconds[:shared]) / 60 for h in group], axis=0)
        curves = (
            (axes[sets.index(data)][0], [[r.accuracy for r in h.reports[:shared]] for h in group]),
            (axes[sets.index(data)][1], [[1 - min(1.0, r.cer) for r in h.reports[:shared]] for h in group]),
        )
        for axis, values in curves:
            array, colour = np.array(values), RECIPE_COLOURS.get(recipe)
            axis.plot(minutes, array.mean(axis=0), color=colour, label=f"{recipe}, {shared} epochs, {len(group)} seeds")
            axis.fill_between(minutes, array.min(axis=0), array.max(axis=0), color=colour, alpha=0.2, linewidth=0)
    for row, data in zip(axes, sets, strict=True):
        for axis, what in zip(row, ("lines read without an error", "1 - CER"), strict=True):
            axis.axhline(GOAL, color="grey", linestyle=":", linewidth=1)
            axis.set(title=f"{data}: {what}", xlabel="minutes of one core", ylim=(0, 1.02))
            axis.grid(alpha=0.3)
            axis.legend(loc="lower right", fontsize=8)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)
