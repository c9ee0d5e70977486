"""Shows a search as a live table: running trials, the last finished ones, progress and the time left."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from dashboards.views.metrics import column_of
from dashboards.views.outcome_words import outcome_words
from dashboards.views.progress_lines import conclusion, count_states, introduction
from studies.definition.configuration import Configuration
from studies.definition.durations import write_duration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.objectives.objective import Objective
from studies.objectives.pareto import dominates
from studies.run.observer import StudyFacts, Summary
from studies.storage.outcomes import CheckpointOf
from studies.storage.stored_trial import StoredTrial

if TYPE_CHECKING:
    from trainers.base.candidate import Measurement
    from trainers.base.progress import EpochReport

ROWS_BESIDE_TABLE = 8
"""Terminal rows that are kept for other things: heading, progress, the prompt and earlier messages."""


@dataclass
class _Row:
    """A row of the table: one trial.

    Attributes:
        number: of the trial.
        architecture: description of the architecture.
        metrics: values known so far, by the objective's metric.
        state: "training", "paused", or the outcome.
        style: colour of the state.
        epoch: number of epochs done.
        epochs: number of epochs of a full training.
        reason: why the trial ended; empty if the outcome says it.
        candidate: measurement of its file, if it may be on the front.
    """

    number: int
    architecture: str
    metrics: dict[str, float | None] = field(default_factory=dict)
    state: str = "training"
    style: str = "cyan"
    epoch: int = 0
    epochs: int = 0
    reason: str = ""
    candidate: Measurement | None = None


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
        self._rows: dict[int, _Row] = {}
        self.facts: StudyFacts | None = None
        self._summary: Summary | None = None
        self._finished = 0
        self._never_trained: Counter[str] = Counter()
        self._preparing = ""
        self._began_s = clock()
        self._live = Live(console=console, refresh_per_second=4, get_renderable=self.__rich__)

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
        self.facts = facts
        self._finished = facts.finished
        self._preparing = ""
        self._began_s = self._clock()
        for line in introduction(facts):
            self.note(line)

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        epochs = self.facts.epochs if self.facts else 0
        if number in self._rows:  # it was paused
            self._rows[number].state, self._rows[number].style = "training", "cyan"
            return
        self._rows[number] = _Row(number, configuration.describe(), {"size_bytes": size_bytes}, epochs=epochs)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        row = self._rows[number]
        row.epoch, row.epochs = report.epoch, report.epochs
        row.metrics |= {"accuracy": report.accuracy, "cer": report.cer}

    def trial_lost(self, number: int, reason: str) -> None:
        self.note(f"trial {number}: {reason}; it resumes from its last checkpoint")

    def trial_paused(self, number: int, epoch: int) -> None:
        if number in self._rows:  # otherwise an earlier run of the study had paused it
            self._rows[number].state, self._rows[number].style = "paused", "yellow"

    def trial_closed(self, trial: StoredTrial) -> None:
        words, measured, number = outcome_words(trial.outcome), trial.measurement, trial.number
        row = self._rows.get(number)
        if (
            row is None and trial.is_candidate and trial.stored_configuration is not None
        ):  # stored in another precision, or before its last epoch
            row = self._rows[number] = _Row(number, trial.stored_configuration.describe())
            row.epochs = self.facts.epochs if self.facts else 0
        if row is None:
            self._never_trained[words.text] += 1
            return
        row.state, row.style, row.reason = words.text, words.style, trial.reason
        self._finished += trial.counts_against_budget
        if measured is not None:
            row.epoch = trial.outcome.epochs if isinstance(trial.outcome, CheckpointOf) else row.epochs
            row.metrics = {objective.metric: objective.measured(measured) for objective in self._objectives()}
            row.candidate = measured if trial.is_candidate else None

    def study_finished(self, summary: Summary) -> None:
        self._summary = summary
        self._live.refresh()

    def __rich__(self) -> Group | Text:
        """The current table."""
        if self.facts is None:
            return Text(self._preparing or "getting ready …", style="dim")
        return Group(self._table(), self._progress())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("trial", justify="right", no_wrap=True)
        table.add_column("architecture")
        objectives = self._objectives()
        columns = [column_of(objective) for objective in objectives]
        for heading in ("epoch", *(column.heading for column in columns)):
            table.add_column(heading, justify="right", no_wrap=True)
        table.add_column("state")
        points = [_point(row.candidate, objectives) for row in self._all() if row.candidate is not None and row.candidate.reads]
        for row in self._shown():
            known = [row.metrics.get(objective.metric) for objective in objectives]
            cells = [
                "" if value is None or math.isinf(value) else column.write(value)
                for column, value in zip(columns, known, strict=True)
            ]
            state = _state(row, points, objectives)
            table.add_row(str(row.number), _clipped(row.architecture), f"{row.epoch}/{row.epochs}", *cells, state)
        return table

    def _objectives(self) -> tuple[Objective, ...]:
        return self.facts.objectives if self.facts else objectives_of(DEFAULT)

    def _all(self) -> list[_Row]:
        """A copy: rich draws in a thread of its own, while the driver adds rows."""
        return list(self._rows.values())

    def _shown(self) -> list[_Row]:
        """The running trials, and as many of the last finished ones as the terminal has room for."""
        rows = self._all()
        running = [row for row in rows if row.state == "training"]
        room = max(1, self._console.height - ROWS_BESIDE_TABLE - len(running))
        ended = [row for row in rows if row.state != "training"]
        return ended[-room:] + running

    def _progress(self) -> Table:
        assert self.facts is not None
        done = self._finished + sum(r.epoch / r.epochs for r in self._all() if r.state == "training" and r.epochs)
        if self._summary is not None:
            words = conclusion(self._summary, [row.candidate for row in self._all() if row.candidate is not None])
        else:
            count = f"{self._finished}" if self.facts.trials is None else f"{self._finished}/{self.facts.trials}"
            words = f"{count} trials, {write_duration(self._clock() - self._began_s)}"
            left = self._seconds_left(done)
            words += "" if left is None else f", about {write_duration(left)} left"
        if self._never_trained:
            words += f"; not trained: {count_states(self._never_trained)}"
        line = Table.grid(padding=(0, 1))
        total, completed = self.facts.trials, done
        if total is None:
            total, completed = 1, (self._clock() - self._began_s) / (self.facts.seconds or math.inf)
        line.add_row(ProgressBar(total=total, completed=min(completed, total), width=24), words)
        return line

    def _seconds_left(self, done: float) -> float | None:
        """An estimate from the trials done in this run and the time they took; None at the beginning."""
        assert self.facts is not None
        spent = self._clock() - self._began_s
        gained = done - self.facts.finished
        wanted = self.facts.trials
        left = (wanted - done) * spent / gained if wanted is not None and gained > 0.05 else None
        if self.facts.seconds is not None:
            limit = max(0.0, self.facts.seconds - spent)
            left = limit if left is None else min(left, limit)
        return left


def _clipped(words: str, style: str = "") -> Text:
    """Text that is cut when the terminal is narrow, and never wraps."""
    return Text(words, style, no_wrap=True, overflow="ellipsis")


def _point(measured: Measurement, objectives: Sequence[Objective]) -> tuple[float, ...]:
    """The values of a candidate in all objectives, to be minimised."""
    return tuple(objective.to_minimize(objective.measured(measured)) for objective in objectives)


def _state(row: _Row, points: Sequence[tuple[float, ...]], objectives: Sequence[Objective]) -> Text:
    """The state of a trial; for a candidate, whether another candidate of this run dominates it."""
    if row.candidate is not None:
        if not row.candidate.reads:
            return _clipped("does not read", "yellow")
        own = _point(row.candidate, objectives)
        is_dominated = any(dominates(point, own) for point in points)
        return _clipped("dominated", "dim") if is_dominated else _clipped("on the front", "green")
    return _clipped(row.state + (f": {row.reason}" if row.reason else ""), row.style)
