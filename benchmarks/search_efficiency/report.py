"""Tables and plots of what `replay` wrote: hypervolume against epochs trained, and how soon 95 % and 99 % are reached.

python -m benchmarks.search_efficiency.report
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.search_efficiency.problems import CODES_TABLE, FIRST_TABLE, TABLE
from benchmarks.search_efficiency.replay import REPLAYS, stored_histories
from benchmarks.search_efficiency.searches import PARETEXT, PEERS

SHARES = (0.95, 0.99)
STRONGEST = (
    "BoTorch qLogNEHVI, known sizes and precisions",
    "BoTorch MOMF, known sizes and precisions",
    "Optuna GPSampler",
    "Optuna TPE",
)
RESAMPLED = 2000
"""Bootstrap samples of the seeds."""
Histories = list[list[tuple[int, float]]]


def replays(paths: list[Path]) -> dict[str, dict[str, Histories]]:
    """Problem to search to the histories of its seeds."""
    found: dict[str, dict[str, Histories]] = defaultdict(lambda: defaultdict(list))
    for path in paths:
        for (problem, search, _), history in stored_histories(path).items():
            found[problem][search].append([(int(spent), float(volume)) for spent, volume in history])
    return found


def volumes(histories: Histories, budgets: NDArray[np.int64]) -> NDArray[np.float64]:
    """(seeds, budgets) hypervolume by then."""
    found = np.zeros((len(histories), len(budgets)))
    for i, history in enumerate(histories):
        if history:
            spent, volume = (np.array(column) for column in zip(*history, strict=True))
            places = np.searchsorted(spent, budgets, side="right")
            found[i] = np.where(places > 0, volume[places - 1], 0.0)
    return found


def epochs_to(histories: Histories, share: float, budgets: NDArray[np.int64]) -> int | None:
    """Epochs after which the mean over the seeds has reached a share of the best; None when it never does."""
    place = _first_at(volumes(histories, budgets).mean(axis=0), share)
    return None if place is None else int(budgets[place])


def table(problem: str, searches: dict[str, Histories], budgets: NDArray[np.int64]) -> str:
    """Markdown: a line per search, and what Paretext needs of the best without early stopping."""
    common = budgets[: 8 * -(-max(history[-1][0] for history in searches[PARETEXT]) // 8)]  # whole columns of the table
    shown = [common[-1] // 8, common[-1] // 4, common[-1] // 2, common[-1]]
    lines = ["| search | " + " | ".join(f"at {b} epochs" for b in shown) + " | epochs to 95 % | to 99 % |"]
    lines.append("|---" * (len(shown) + 3) + "|")
    for name, histories in searches.items():
        found = volumes(histories, np.array(shown))
        error = found[:, -1].std(ddof=1) / np.sqrt(len(found)) if len(found) > 1 else 0.0
        cells = [f"{mean:.3f}" for mean in found.mean(axis=0)]
        cells[-1] += f" ± {error:.3f}"
        cells += [f"{e}" if (e := epochs_to(histories, share, budgets)) is not None else "not reached" for share in SHARES]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", times_fewer(searches, common), "", worst_lag(searches, common)])


def times_fewer(searches: dict[str, Histories], budgets: NDArray[np.int64]) -> str:
    """Markdown: how many times fewer epochs Paretext needs for what each of `STRONGEST` has at the end.

    The interval has 95 % of `RESAMPLED` bootstrap samples of the seeds of both; where Paretext never gets there, it is 0.
    """
    lines = [
        "| search | ends with | Paretext has that after | times fewer | interval | by medians |",
        "|---|---|---|---|---|---|",
    ]
    mine, rng = volumes(searches[PARETEXT], budgets), np.random.default_rng(0)
    for name in (name for name in STRONGEST if name in searches):
        theirs = volumes(searches[name], budgets)[:, -1]
        needed, by_medians = (_first_at(middle(mine, axis=0), middle(theirs)) for middle in (np.mean, np.median))
        resampled = [
            _first_at(mine[rng.integers(len(mine), size=len(mine))].mean(axis=0), rng.choice(theirs, len(theirs)).mean())
            for _ in range(RESAMPLED)
        ]
        low, high = np.percentile([0.0 if i is None else budgets[-1] / budgets[i] for i in resampled], [2.5, 97.5])
        epochs, times, median_times = (
            "never" if needed is None else f"{budgets[needed]}",
            *("never" if i is None else f"{budgets[-1] / budgets[i]:.1f}" for i in (needed, by_medians)),
        )
        interval = f"{low:.1f} to {high:.1f}" if low else f"never to {high:.1f}"
        lines.append(f"| {name} | {theirs.mean():.3f} | {epochs} | {times} | {interval} | {median_times} |")
    return "\n".join(lines)


def _first_at(curve: NDArray[np.float64], value: float) -> int | None:
    """The first place at which a curve has reached a value."""
    reached = curve >= value
    return int(reached.argmax()) if reached.any() else None


def worst_lag(searches: dict[str, Histories], budgets: NDArray[np.int64]) -> str:
    """The budget at which Paretext is furthest behind one of the peers."""
    mine = volumes(searches[PARETEXT], budgets).mean(axis=0)
    lags = {name: volumes(searches[name], budgets).mean(axis=0) - mine for name in PEERS if name in searches}
    name = max(lags, key=lambda n: lags[n].max())
    place = int(lags[name].argmax())
    if lags[name][place] <= 0:
        return "Paretext is nowhere behind any of the peers."
    behind = [int(budgets[i]) for i in range(len(budgets)) if max(lag[i] for lag in lags.values()) > 0.005]
    where = f"behind by more than 0.005 at {len(behind)} of {len(budgets)} budgets, the last {behind[-1]}" if behind else ""
    where = where or "elsewhere within 0.005"
    return f"Furthest behind: {lags[name][place]:.3f} below {name} at {budgets[place]} epochs; {where}."


def rank_correlations(path: Path) -> str:
    """Spearman's rank correlation of the order after few epochs with that after full trainings, over a table."""
    from scipy.stats import spearmanr

    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    curves, misread = np.array([row["cer"] for row in rows]), [1 - row["files"]["fp32"]["accuracy"] for row in rows]
    last = curves.shape[1]
    correlations = [
        f"epoch {epoch}: {spearmanr(curves[:, epoch - 1], curves[:, -1])[0]:.2f}"
        f" and {spearmanr(curves[:, epoch - 1], misread)[0]:.2f}"
        for epoch in (1, 2, 3, 5)
    ]
    return f"Rank correlation with CER and lines misread after epoch {last}, {len(rows)} trainings: {', '.join(correlations)}"


def plot(problem: str, searches: dict[str, Histories], budgets: NDArray[np.int64], path: Path) -> None:
    """Mean hypervolume of each search, with its standard error."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(12, 4.6), sharey=True)
    for panel, title, names in (
        (panels[0], "Paretext and other libraries", [*PEERS, PARETEXT]),
        (panels[1], "ablations of Paretext", [name for name in searches if name.startswith(PARETEXT)] + ["TPE, MO-ASHA"]),
    ):
        for name in (n for n in names if n in searches):
            found = volumes(searches[name], budgets)
            mean, error = found.mean(axis=0), found.std(axis=0) / np.sqrt(len(found))
            style: dict[str, Any] = (
                {"linewidth": 2.6, "zorder": 3, "color": "black"} if name == PARETEXT else {"linewidth": 1.3}
            )
            (line,) = panel.plot(budgets, mean, label=name, **style)
            panel.fill_between(budgets, mean - error, mean + error, color=line.get_color(), alpha=0.15, linewidth=0)
        panel.set(title=title, xlabel="epochs trained", ylim=(0.0, 1.02), xlim=(0, budgets[-1]))
        panel.grid(alpha=0.3)
        panel.legend(fontsize=8, loc="lower right")
    panels[0].set_ylabel("hypervolume, fraction of the best")
    figure.suptitle(problem)
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("replays", nargs="*", type=Path, default=[REPLAYS])
    parser.add_argument("--out", type=Path, default=REPLAYS.parent)
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    for recorded in filter(Path.exists, (FIRST_TABLE, TABLE, CODES_TABLE)):
        print(rank_correlations(recorded), "\n")
    for problem, searches in replays(asked.replays).items():
        last = max(history[-1][0] for histories in searches.values() for history in histories if history)
        budgets = np.arange(1, last + 1)
        print(f"### {problem}\n\n{table(problem, searches, budgets)}\n")
        plot(problem, searches, budgets, asked.out / f"{problem}.png")


if __name__ == "__main__":
    main()
