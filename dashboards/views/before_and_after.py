"""What a reader read before it was trained further, and what it reads now, for each source of validation lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.views.console import accuracy_words, percent

if TYPE_CHECKING:
    from rich.table import Table

    from trainers.data.dataset import LineDataset
    from trainers.evaluation.metrics import Score
    from trainers.trial.known_reader import KnownReader
    from trainers.trial.run import TrialJob


@dataclass(frozen=True)
class BeforeAndAfter:
    """Two readers on the same lines.

    Attributes:
        source: of the lines, as the user named it.
        before: what the reader read that the training began with.
        after: what the trained one reads.
    """

    source: str
    before: Score
    after: Score

    def as_dict(self) -> dict[str, Any]:
        """The comparison as values that JSON can hold."""
        return {
            "source": self.source,
            "validation_lines": self.after.lines,
            "accuracy_before": self.before.accuracy,
            "accuracy": self.after.accuracy,
            "cer_before": self.before.cer,
            "cer": self.after.cer,
        }


def compare(reader: KnownReader, model: Path, prepared: LineDataset, job: TrialJob) -> list[BeforeAndAfter]:
    """Reads the validation lines of each source with both readers.

    Args:
        reader: what the training began with; it may read lines of another height.
        model: the trained file.
        prepared: the lines of the training.
        job: the training.
    """
    from trainers.evaluation.measure import score_file

    theirs = lines_for(reader, prepared, job)
    before = {name: reader.score(lines, job.threads) for name, lines in theirs.validation_by_source().items()}
    after = {name: score_file(model, lines, job.threads) for name, lines in prepared.validation_by_source().items()}
    return [BeforeAndAfter(name, before[name], score) for name, score in after.items() if name in before]


def lines_for(reader: KnownReader, prepared: LineDataset, job: TrialJob) -> LineDataset:
    """The lines of a training at the height that a reader reads."""
    from trainers.data.open_datasets import prepare_once

    height_px = reader.architecture.height_px
    if height_px == job.data.height_px:
        return prepared
    return prepare_once(job.data.with_(height_px=height_px), job.cache_folder)


def table_of(compared: Sequence[BeforeAndAfter]) -> Table:
    """A row for each source of validation lines."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("read without an error")
    for column in ("lines", "before", "after", "CER before", "after"):
        table.add_column(column, justify="right", no_wrap=True)
    for each in compared:
        before, after = each.before, each.after
        accuracies = percent(before.accuracy), accuracy_words(after.accuracy, after.lines)
        table.add_row(each.source, f"{after.lines:,}", *accuracies, percent(before.cer), percent(after.cer))
    return table
