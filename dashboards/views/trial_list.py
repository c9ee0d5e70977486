"""All trials of a study as rows: what each is, how far it was trained, what it reached, and why it ended."""

from __future__ import annotations

import csv
import textwrap
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TextIO

from dashboards.views.console import accuracy_words, percent
from dashboards.views.outcome_words import outcome_words
from search_space import write_size
from search_space.architecture import RefusedArchitecture
from studies.definition.configuration import RecipeValue, recipe_params
from studies.storage.outcomes import CheckpointOf, Measured, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial

LEAST_TEXT_COLUMNS = 44
"""Columns for the words of a trial below which they go onto lines of their own: most architectures take fewer."""
INDENT = 6
"""Columns by which lines of their own are indented."""


@dataclass(frozen=True)
class TrialRow:
    """A trial as it is shown.

    Attributes:
        trial: its number.
        state: its outcome in a word or two.
        what: its architecture in a few words; of one that cannot be built, its parameters.
        reason: why it ended; empty for a candidate that was trained to the end, and while it is open.
        epochs_trained: epochs that what was measured, or else its training, has had.
        epochs: of a full training; None when the study does not say.
        cer: character error rate of its file, or else at its last rung; None if it has reached none.
        accuracy: of its file, or else at its last rung, in [0, 1].
        validation_lines: number of lines that its file was measured on; None if it has no file.
        size_bytes: of its file; None if there is none.
        estimated_bytes: as predicted before training.
        latency_ms: of its file.
        on_front: whether it is on the Pareto front.
        model: path of its file.
        architecture: its fields; None if it cannot be built, or has not been judged yet.
        recipe: value of each recipe setting that the study searches; empty if it searches none.
        parent: whose weights its training began with; None: random ones, or it has not begun.
        inherited_share: fraction of its parameters that are the parent's, in [0, 1]; None without a parent.
        lineage_epochs: epochs that all its ancestors were trained; None without a parent.
    """

    trial: int
    state: str
    what: str
    reason: str
    epochs_trained: int
    epochs: int | None
    cer: float | None
    accuracy: float | None
    validation_lines: int | None
    size_bytes: int | None
    estimated_bytes: int | None
    latency_ms: float | None
    on_front: bool
    model: str | None
    architecture: dict[str, Any] | None
    recipe: dict[str, RecipeValue] = field(default_factory=dict)
    parent: str | None = None
    inherited_share: float | None = None
    lineage_epochs: int | None = None

    @classmethod
    def of(cls, trial: StoredTrial, epochs: int | None, on_front: bool, folder: Path = Path()) -> TrialRow:
        """The row of a trial.

        Args:
            trial: of a study.
            epochs: of a full training; None when the study does not say.
            on_front: whether it is on the Pareto front.
            folder: of the workspace, which recorded paths are relative to.
        """
        measured, outcome = trial.measurement, trial.outcome
        rung = trial.rungs[max(trial.rungs)] if trial.rungs else None
        lineage: dict[str, Any] = {} if trial.lineage is None else trial.lineage.scalars
        file = outcome if isinstance(outcome, Measured | PrecisionVariantOf | CheckpointOf) else None
        return cls(
            trial=trial.number,
            state=outcome_words(outcome).text,
            what=words_of(trial),
            reason=trial.reason,
            epochs_trained=trial.epochs_trained if file is None else file.epochs or 0,
            epochs=epochs,
            cer=measured.cer if measured else rung.cer if rung else None,
            accuracy=measured.accuracy if measured else rung.accuracy if rung else None,
            validation_lines=measured.lines if measured else None,
            size_bytes=measured.size_bytes if measured else None,
            estimated_bytes=None if trial.costs is None else trial.costs.size_bytes,
            latency_ms=measured.latency_ms if measured else None,
            on_front=on_front,
            model=None if file is None else str(folder / file.model),
            architecture=None if trial.fields is None else dict(trial.fields),
            recipe=dict(trial.recipe),
            **lineage,
        )

    def as_dict(self) -> dict[str, Any]:
        """JSON-able, the keys in the order above."""
        return dict(self.__dict__)


def write_csv(rows: Sequence[TrialRow], file: TextIO) -> None:
    """Writes rows as CSV with a heading; fields of the architecture and recipe settings are columns at the end."""
    details = [(row.architecture or {}) | recipe_params(row.recipe) for row in rows]
    names = list(dict.fromkeys(name for each in details for name in each))
    columns = [name for name in TrialRow.__dataclass_fields__ if name not in ("architecture", "recipe")]
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow([*columns, *names])
    for row, detail in zip(rows, details, strict=True):
        values = row.as_dict()
        writer.writerow([*(values[name] for name in columns), *(detail.get(name) for name in names)])


def trial_lines(rows: Sequence[TrialRow], width: int | None) -> Iterator[str]:
    """The rows as text: a heading, each trial with its words beside or below its figures, and a count of the states.

    rich's tables take ten seconds for ten thousand rows, which is why the columns are made here.

    Args:
        rows: at least one.
        width: of the terminal, in columns; None does not wrap anything.
    """
    heading = ("trial", "state", "epochs", "CER", "accuracy", "size")
    cells = [_figures(row) for row in rows]
    widths = [max(map(len, column)) for column in zip(heading, *cells, strict=True)]
    used = sum(widths) + 2 * len(widths)
    below = width is not None and width - used < LEAST_TEXT_COLUMNS
    yield (_joined(heading, widths) + ("" if below else "  what it is, and why it ended")).rstrip()
    for row, figures in zip(rows, cells, strict=True):
        text = "; ".join(part for part in (row.what, _begun(row), row.reason) if part)
        first = _joined(figures, widths)
        if below and width is not None:
            yield first.rstrip()
            yield from textwrap.wrap(text, width, initial_indent=" " * INDENT, subsequent_indent=" " * INDENT)
        elif width is None:
            yield f"{first}  {text}"
        else:
            yield from textwrap.wrap(
                text, width, initial_indent=f"{first}  ", subsequent_indent=" " * used, drop_whitespace=True
            ) or [first]
    yield summary_line(rows)


def summary_line(rows: Sequence[TrialRow]) -> str:
    """How many trials there are, in each state, and on the front."""
    counts = ", ".join(f"{count:,} {state}" for state, count in Counter(row.state for row in rows).most_common())
    front = sum(row.on_front for row in rows)
    return f"{len(rows):,} trials: {counts}; * {front:,} on the front"


def _begun(row: TrialRow) -> str:
    """What a training began with; empty for random weights."""
    if row.parent is None:
        return ""
    return f"{100 * (row.inherited_share or 0):.0f} % from {row.parent}"


def _figures(row: TrialRow) -> tuple[str, ...]:
    epochs = "" if not row.epochs_trained else f"{row.epochs_trained}" + (f"/{row.epochs}" if row.epochs else "")
    size = "" if row.estimated_bytes is None else f"~{write_size(row.estimated_bytes)}"
    return (
        f"{row.trial}{'*' if row.on_front else ' '}",
        row.state,
        epochs,
        "" if row.cer is None else percent(row.cer),
        "" if row.accuracy is None else accuracy_words(row.accuracy, row.validation_lines or 0),
        size if row.size_bytes is None else write_size(row.size_bytes),
    )


def _joined(cells: Sequence[str], widths: Sequence[int]) -> str:
    """Cells as columns: the state to the left, all others to the right."""
    return "  ".join(
        cell.ljust(width) if at == 1 else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )


def words_of(trial: StoredTrial) -> str:
    """What a trial is: its architecture, and the recipe settings that are searched."""
    try:
        stored = trial.stored_configuration
    except RefusedArchitecture:  # built by an earlier version, which knew another space
        stored = None
    if stored is not None:
        return stored.describe()
    values = trial.fields or trial.params
    return ", ".join(f"{name}={value}" for name, value in values.items() if value is not None)
