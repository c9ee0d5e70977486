"""A search as one live table: trainings under way, what came of the last ones, progress and the time left."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dashboards.views.console import percent
from dashboards.views.plain_lines import conclusion, count_states, introduction
from search_space import Architecture, write_size
from studies.definition.durations import write_duration
from studies.run.observer import StudyFacts, Summary, TrialRecord

if TYPE_CHECKING:
    from trainers.training.loop import EpochReport

ROWS_BESIDE_TABLE = 8
"""Terminal rows that are not trials: heading, progress, the prompt and what was said before."""


@dataclass
class _Row:
    """A trial as the table shows it."""

    number: int
    architecture: str
    size_bytes: int
    state: str = "training"
    epoch: int = 0
    epochs: int = 0
    accuracy: float | None = None
    reason: str = ""


class LiveTable:
    """Watches a search and draws it; a context manager, so that the terminal is left in order.

    Args:
        console: a terminal.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._rows: dict[int, _Row] = {}
        self._facts: StudyFacts | None = None
        self._summary: Summary | None = None
        self._finished = 0
        self._never_trained: Counter[str] = Counter()
        self._preparing = ""
        self._began_s = time.monotonic()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self._draw)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._live.stop()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def preparing(self, what: str, done: int, total: int) -> None:
        self._preparing = "" if done >= total else f"{what}: {done:,} of {total:,}"

    def study_started(self, facts: StudyFacts) -> None:
        self._facts = facts
        self._finished = facts.finished
        self._preparing = ""
        self._began_s = time.monotonic()
        for line in introduction(facts):
            self.note(line)

    def trial_started(self, number: int, architecture: Architecture, size_bytes: int) -> None:
        epochs = self._facts.epochs if self._facts else 0
        if number in self._rows:  # it was paused
            self._rows[number].state = "training"
            return
        self._rows[number] = _Row(number, architecture.describe(), size_bytes, epochs=epochs)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        row = self._rows[number]
        row.epoch, row.epochs, row.accuracy = report.epoch, report.epochs, report.accuracy

    def trial_lost(self, number: int, reason: str) -> None:
        self.note(f"trial {number}: {reason}; it goes on from its last checkpoint")

    def trial_paused(self, number: int, epoch: int) -> None:
        if number in self._rows:  # otherwise an earlier run of the study had paused it
            self._rows[number].state = "paused"

    def trial_finished(self, number: int, record: TrialRecord) -> None:
        row = self._rows.get(number)
        if record.state == "shared" and record.architecture is not None and record.measurement is not None:
            row = self._rows[number] = _Row(number, record.architecture.describe(), record.measurement.size_bytes)
            row.epochs = self._facts.epochs if self._facts else 0
        if row is None:
            self._never_trained[record.state] += 1
            return
        row.state, row.reason = ("complete" if record.state == "shared" else record.state), record.reason
        if record.state in ("complete", "failed", "stopped"):
            self._finished += 1
        if record.measurement is not None:
            row.epoch = row.epochs
            row.accuracy, row.size_bytes = record.measurement.accuracy, record.measurement.size_bytes

    def study_finished(self, summary: Summary) -> None:
        self._summary = summary
        self._live.refresh()

    def _draw(self) -> Group | Text:
        if self._facts is None:
            return Text(self._preparing or "getting ready …", style="dim")
        return Group(self._table(), self._progress())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", justify="right", no_wrap=True)
        table.add_column("architecture")
        for name in ("epoch", "accuracy", "size"):
            table.add_column(name, justify="right", no_wrap=True)
        table.add_column("state")
        complete = [row for row in self._all() if row.state == "complete"]
        for row in self._shown():
            state, style = _state(row, complete)
            accuracy = "" if row.accuracy is None else percent(row.accuracy)
            epoch = f"{row.epoch}/{row.epochs}"
            size = write_size(row.size_bytes)
            table.add_row(str(row.number), _clipped(row.architecture), epoch, accuracy, size, _clipped(state, style))
        return table

    def _all(self) -> list[_Row]:
        """A copy: rich draws in a thread of its own, while the driver adds rows."""
        return list(self._rows.values())

    def _shown(self) -> list[_Row]:
        """The trainings under way and as many of the last finished ones as the terminal has room for."""
        rows = self._all()
        running = [row for row in rows if row.state == "training"]
        room = max(1, self._console.height - ROWS_BESIDE_TABLE - len(running))
        ended = [row for row in rows if row.state != "training"]
        return ended[-room:] + running

    def _progress(self) -> Table:
        assert self._facts is not None
        done = self._finished + sum(r.epoch / r.epochs for r in self._all() if r.state == "training" and r.epochs)
        if self._summary is not None:
            words = conclusion(self._summary)
        else:
            words = f"{self._finished}/{self._facts.trials} trials, {write_duration(time.monotonic() - self._began_s)}"
            left = self._seconds_left(done)
            words += "" if left is None else f", about {write_duration(left)} left"
        if self._never_trained:
            words += f"; not trained: {count_states(self._never_trained)}"
        line = Table.grid(padding=(0, 1))
        line.add_row(ProgressBar(total=self._facts.trials, completed=min(done, self._facts.trials), width=24), words)
        return line

    def _seconds_left(self, done: float) -> float | None:
        """From the trials done in this run and the time they took; None before there is anything to go by."""
        assert self._facts is not None
        spent = time.monotonic() - self._began_s
        gained = done - self._facts.finished
        left = (self._facts.trials - done) * spent / gained if gained > 0.05 else None
        if self._facts.seconds is not None:
            limit = max(0.0, self._facts.seconds - spent)
            left = limit if left is None else min(left, limit)
        return left


def _clipped(words: str, style: str = "") -> Text:
    """Words that give way when the terminal is narrow, but stay on their line."""
    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _state(row: _Row, complete: list[_Row]) -> tuple[str, str]:
    """Words and style for a trial's state."""
    if row.state == "complete":
        return ("beaten", "dim") if any(_beats(other, row) for other in complete) else ("on the front", "green")
    words = row.state.replace("_", " ") + (f": {row.reason}" if row.reason else "")
    return words, {"training": "cyan", "failed": "red"}.get(row.state, "yellow")


def _beats(other: _Row, row: _Row) -> bool:
    """Whether `other` is at least as good in accuracy and size, and better in one."""
    mine, theirs = (row.accuracy or 0.0, -row.size_bytes), (other.accuracy or 0.0, -other.size_bytes)
    return theirs != mine and theirs[0] >= mine[0] and theirs[1] >= mine[1]
