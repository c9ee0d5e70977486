"""Measures the sensitivity of each layer: prunes one layer at a time, recalibrates, and measures the loss of accuracy.

Decisions:
- Losses are relative, (before - after) / before, as in the published tables.
- A table is stored as CSV beside the other files of a training. An interrupted measurement continues after its last row; a
  table of other weights or other lines is measured again.
"""

from __future__ import annotations

import copy
import csv
from collections.abc import Callable, Sequence
from pathlib import Path

from search_space.recognizer import Recognizer
from trainers.base.atomic_write import atomic_write
from trainers.pruning.criteria import least
from trainers.pruning.evaluation_sample import EvaluationSample
from trainers.pruning.solver import removed_channels
from trainers.pruning.torch_pruning_adapter import PruningGraph

RATIOS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
"""Fractions of a layer's channels that are removed, as in the published tables."""

COLUMNS = ("layer", "filter_ratio_pruned", "accuracy_loss")


def measure_sensitivity(
    recognizer: Recognizer,
    evaluation_sample: EvaluationSample,
    criterion: str,
    ratios: Sequence[float] = RATIOS,
    table: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, list[tuple[float, float]]]:
    """Measures (ratio, loss) pairs for each layer; channels are removed in the order of the criterion.

    Args:
        recognizer: trained network on the CPU; it is not changed.
        evaluation_sample: training lines that accuracy is measured on.
        criterion: `l1`, `l2` or `fpgm`.
        ratios: fractions of each layer's channels to remove.
        table: CSV to continue and to write to.
        progress: called after each row with (rows done, rows in total).
    """
    known = {} if table is None or not table.exists() else {(row[0], row[1]): row[2] for row in _rows(table)}
    groups = PruningGraph(copy.deepcopy(recognizer)).groups()
    whole = max(evaluation_sample.accuracy(copy.deepcopy(recognizer)), 1e-9)
    found: dict[str, list[tuple[float, float]]] = {}
    for number, group in enumerate(groups):
        for ratio in ratios:
            loss = known.get((group.name, ratio))
            if loss is None:
                trial = copy.deepcopy(recognizer)
                PruningGraph(trial).remove(group.name, least(trial, group, criterion, removed_channels(group.channels, ratio)))
                loss = 1 - evaluation_sample.accuracy(trial) / whole
            found.setdefault(group.name, []).append((ratio, loss))
        if table is not None:
            write_table(table, found)
        if progress is not None:
            progress(number + 1, len(groups))
    return found


def keep_only_of(path: Path, identity: str) -> None:
    """Removes a table of another network or other lines, and records the identity of the new table.

    Args:
        path: the CSV; its identity is stored in a file of the same name that ends in `.of`.
        identity: identifies the weights and the lines that the table is measured with.
    """
    note = path.with_suffix(".of")
    if not note.exists() or note.read_text(encoding="utf-8") != identity:
        path.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(identity, encoding="utf-8")


def write_table(path: Path, table: dict[str, list[tuple[float, float]]]) -> None:
    """Writes a table as CSV, atomically."""
    with atomic_write(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        writer.writerows((layer, ratio, f"{loss:.6f}") for layer, points in table.items() for ratio, loss in points)


def read_table(path: Path) -> dict[str, list[tuple[float, float]]]:
    """Reads a table that `write_table` has written."""
    found: dict[str, list[tuple[float, float]]] = {}
    for layer, ratio, loss in _rows(path):
        found.setdefault(layer, []).append((ratio, loss))
    return found


def _rows(path: Path) -> list[tuple[str, float, float]]:
    with path.open(newline="", encoding="utf-8") as file:
        return [(row[COLUMNS[0]], float(row[COLUMNS[1]]), float(row[COLUMNS[2]])) for row in csv.DictReader(file)]
