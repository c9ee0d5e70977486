"""Shows a search as a live table: a line for each training, the best file, the front and how it grew, and the time left.

Decisions:
- All files of a training (its precisions, what was exported before its end) are one line, which shows the best of them.
- Judged by the objectives of the study, against all files that the study has measured, also in earlier runs.
- A narrow terminal loses columns, not the precision; a wide one has a plot of the front beside the table.
- What stands there when the search ends, also by Ctrl-C, stays on the terminal.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dashboards.views.front_growth import FrontGrowth, values_in_words
from dashboards.views.live_columns import COLUMNS_FOR_EPOCHS, COLUMNS_FOR_SECONDS, training_table
from dashboards.views.live_rows import Counts, File, Row
from dashboards.views.outcome_words import outcome_words
from dashboards.views.progress_lines import conclusion, introduction
from dashboards.views.sparkline import sparkline
from dashboards.views.terminal_front import terminal_front
from studies.definition.configuration import Configuration
from studies.definition.durations import write_duration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.run.observer import StudyFacts, Summary
from studies.storage.outcomes import CheckpointOf, PrecisionVariantOf
from studies.storage.stored_trial import StoredTrial

if TYPE_CHECKING:
    from trainers.base.progress import EpochReport

ROWS_BESIDE_TABLE = 10
"""Terminal rows that are kept for other things: heading, the lines below the table, the prompt and earlier messages."""
PLOT_COLUMNS, PLOT_ROWS = 34, 10
"""Size of the plot."""
COLUMNS_FOR_PLOT = COLUMNS_FOR_SECONDS + PLOT_COLUMNS + 2
"""Columns of the terminal from which on there is a plot beside the table, which then still has all of its columns."""
GROWTH_COLUMNS = 12
"""Columns of the curve of the hypervolume."""


class LiveTable:
    """An observer of a search that draws a table; a context manager that restores the terminal.

    Args:
        console: a terminal.
        clock: returns seconds, such as `time.monotonic`.

    Attributes:
        facts: what was known before the first trial; None until then.
    """

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console, self._clock = console, clock
        self._rows: dict[int, Row] = {}
        self.facts: StudyFacts | None = None
        self._summary: Summary | None = None
        self._counts = Counts()
        self._growth = FrontGrowth(objectives_of(DEFAULT))
        self._plot: tuple[int, Text] | None = None
        self._preparing = ""
        self._began_s = clock()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self.__rich__)

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for row in self._all():
            if row.is_training:  # a second Ctrl-C, or an error
                row.state, row.style = "interrupted", "yellow"
        self._live.stop()
        if self.facts is not None:
            self._console.print()

    def note(self, text: str) -> None:
        self._console.print(text, markup=False)

    def preparing(self, what: str, done: int, total: int) -> None:
        self._preparing = "" if done >= total else f"{what}: {done:,} of {total:,}"

    def study_started(self, facts: StudyFacts) -> None:
        self.facts = facts
        self._counts = Counts(facts.recorded, facts.finished)
        self._growth = FrontGrowth(facts.objectives)
        self._preparing = ""
        self._began_s = self._clock()
        for measurement in facts.measured:
            self._growth.add(None, measurement, self._began_s)
        for line in introduction(facts):
            self.note(line)

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        if number in self._rows:  # it was paused
            self._rows[number].state, self._rows[number].style = "training", "cyan"
            return
        epochs = self.facts.epochs if self.facts else 0
        self._rows[number] = Row.of(number, configuration, size_bytes, epochs)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        row = self._rows[number]
        row.epochs, row.worker = report.epochs, report.worker
        row.reports = [*row.reports, report]

    def trial_lost(self, number: int, reason: str) -> None:
        self.note(f"trial {number}: {reason}; it resumes from its last checkpoint")

    def trial_paused(self, number: int, epoch: int) -> None:
        if number in self._rows:  # otherwise an earlier run of the study had paused it
            self._rows[number].state, self._rows[number].style = "paused", "yellow"

    def trial_closed(self, trial: StoredTrial) -> None:
        self._counts.close(trial)
        words, outcome, measured = outcome_words(trial.outcome), trial.outcome, trial.measurement
        if trial.is_candidate and measured is not None:
            self._growth.add(trial.number, measured, self._clock(), trial.digest)
        own = outcome.trial if isinstance(outcome, PrecisionVariantOf | CheckpointOf) else trial.number
        row = self._rows.get(own)
        if row is None and trial.is_candidate and trial.stored_configuration is not None and measured is not None:
            epochs = self.facts.epochs if self.facts else 0  # a file of a training that an earlier run had begun
            row = self._rows[own] = Row.of(own, trial.stored_configuration, measured.size_bytes, epochs)
            row.state, row.style = words.text, words.style
        if row is None:
            return
        if own == trial.number:
            row.state, row.style, row.reason, row.measured = words.text, words.style, trial.reason, measured
            self._rows[own] = self._rows.pop(own)  # the last one that ended is the last above those that train
        if trial.is_candidate and trial.stored_configuration is not None and measured is not None:
            epochs = outcome.epochs if isinstance(outcome, CheckpointOf) else row.epochs
            precision = trial.stored_configuration.architecture.precision
            row.files = [*row.files, File(trial.number, precision, measured, epochs)]

    def study_finished(self, summary: Summary) -> None:
        self._summary = summary
        self._live.refresh()

    def __rich__(self) -> RenderableType:
        """The current table."""
        if self.facts is None:
            return Text(self._preparing or "getting ready …", style="dim")
        width, rows = self._console.width, self._shown()
        if width < COLUMNS_FOR_PLOT or not self._growth.measured:
            return Group(self._table(rows, width), *self._below())
        if self._plot is None or self._plot[0] != len(self._growth.measured):  # drawn four times a second
            drawn = terminal_front(self._growth, PLOT_COLUMNS, PLOT_ROWS, self._console.options.ascii_only)
            self._plot = len(self._growth.measured), drawn
        plot = self._plot[1]
        both = Table.grid(padding=(0, 2))
        left = width - PLOT_COLUMNS - 2
        both.add_column(width=left)
        both.add_column(width=PLOT_COLUMNS)
        both.add_row(self._table(rows, left), plot)
        return Group(both, *self._below())

    def _table(self, rows: list[Row], width: int) -> Table:
        several = self.facts is not None and self.facts.workers > 1
        return training_table(rows, self._growth, width, self._console.options.ascii_only, several)

    def _all(self) -> list[Row]:
        """A copy: rich draws in a thread of its own, while the driver adds rows."""
        return list(self._rows.values())

    def _shown(self) -> list[Row]:
        """The running trainings, and as many of the last ended ones as the terminal has room for."""
        rows = self._all()
        running = [row for row in rows if row.is_training]
        room = max(1, self._console.height - ROWS_BESIDE_TABLE - len(running))
        ended = [row for row in rows if not row.is_training]
        return ended[-room:] + running

    def _below(self) -> list[RenderableType]:
        """The lines below the table: how far the search is, the best file and the front, and what became of all trials."""
        rows = self._all()
        hidden = len(rows) - len(self._shown())
        above = [Text(f"{hidden:,} earlier ones: paretext trials {self.facts.name}", "dim")] if hidden and self.facts else []
        states = [row.state for row in rows]
        counted = self._counts.words(states.count("training"), states.count("paused"))
        return [*above, self._progress(), *self._front_lines(), Text(counted, "dim")]

    def _front_lines(self) -> list[Text]:
        """The best file so far, and how the front grew; nothing while nothing reads."""
        best = self._growth.best()
        if best is None:
            return []
        number, measurement = best
        where = "" if number is None else f" (trial {number})"
        step, volumes = self._growth.steps[-1], self._growth.volumes()
        files = f"{len(step.front)} file{'' if len(step.front) == 1 else 's'}"
        curve = "" if self._console.options.ascii_only or len(volumes) < 2 else f" {sparkline(volumes, GROWTH_COLUMNS)}"
        grown = ""
        if step.trial is not None:
            ago = "" if self._summary is not None else f" {write_duration(self._clock() - step.at_s)} ago"
            grown = f", grew last with trial {step.trial}{ago}"
        front = Text(f"front: {files}{curve}{grown}")
        if self._summary is not None:
            return [front]  # how the search ended has the best one
        return [Text(f"best: {values_in_words(measurement, self._growth.objectives)}{where}"), front]

    def _progress(self) -> RenderableType:
        assert self.facts is not None
        if self._summary is not None:
            return Text(conclusion(self._summary, [m for _, m in self._growth.measured], self._growth.objectives))
        done = self._counts.finished + sum(r.epoch / r.epochs for r in self._all() if r.is_training and r.epochs)
        total, spent = self.facts.trials, self._clock() - self._began_s
        words = f"{self._counts.finished:,} trained" if total is None else f"{self._counts.finished:,} of {total:,} trained"
        left = self._seconds_left(done)
        words += f", {write_duration(spent)}" + ("" if left is None else f", about {write_duration(left)} left")
        line = Table.grid(padding=(0, 1))
        share = done / total if total else spent / (self.facts.seconds or math.inf)
        line.add_row(
            ProgressBar(total=1.0, completed=min(share, 1.0), width=24 if self._console.width >= COLUMNS_FOR_EPOCHS else 12),
            words,
        )
        return line

    def _seconds_left(self, done: float) -> float | None:
        """An estimate from the trials done in this run and the time they took; None at the beginning."""
        assert self.facts is not None
        spent = self._clock() - self._began_s
        gained = done - self.facts.finished
        wanted = self.facts.trials
        left = max(0.0, wanted - done) * spent / gained if wanted is not None and gained > 0.05 else None
        if self.facts.seconds is not None:
            limit = max(0.0, self.facts.seconds - spent)
            left = limit if left is None else min(left, limit)
        return left
