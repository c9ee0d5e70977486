"""Shows a training: three live curves on a terminal, otherwise one line per epoch."""

from __future__ import annotations

import time
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from dashboards.views.console import percent
from dashboards.views.sparkline import sparkline

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from trainers.base.progress import EpochReport


class TrainingScreen:
    """Shows the reports of a training; a context manager that restores the terminal.

    Args:
        console: where to show them; curves need a terminal.
        heading: describes the model and the data.
        history: reports of the epochs of earlier runs.
    """

    def __init__(self, console: Console, heading: str, history: Sequence[EpochReport] = ()) -> None:
        from rich.live import Live

        self._console, self._heading = console, heading
        self.history = list(history)
        self._began_s = time.monotonic()
        self._here = 0
        self._live = Live(console=console, refresh_per_second=2, get_renderable=self._draw) if console.is_terminal else None

    def __enter__(self) -> Self:
        if self._live is None:
            self._console.print(self._heading, markup=False)
        else:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def report(self, report: EpochReport) -> bool:
        """Adds the report of an epoch; returns True, so that the training continues.

        An epoch that is reported again, with a note on what happens after it, is not added again.
        """
        if self.history and self.history[-1].epoch == report.epoch:
            self._console.print(report.note, markup=False)
            return True
        self.history.append(report)
        self._here += 1
        if report.note:
            self._console.print(report.note, markup=False)
        if self._live is None:
            self._console.print(epoch_line(report), markup=False)
        return True

    def _draw(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table
        from rich.text import Text

        if not self.history:
            return Group(Text(self._heading, style="bold"), Text("first epoch …", style="dim"))
        last = self.history[-1]
        table = Table.grid(padding=(0, 2))
        losses, accuracies, cers = ([getattr(r, name) for r in self.history] for name in ("loss", "accuracy", "cer"))
        table.add_row("loss", Text(sparkline(losses, logarithmic=True), style="yellow"), f"{last.loss:.3f}")
        table.add_row(
            "accuracy", Text(sparkline(accuracies), style="green"), f"{percent(last.accuracy)}, best {percent(max(accuracies))}"
        )
        table.add_row(
            "CER", Text(sparkline(cers, logarithmic=True), style="cyan"), f"{percent(last.cer)}, best {percent(min(cers))}"
        )
        bar = Table.grid(padding=(0, 2))
        bar.add_row(
            f"epoch {last.epoch} of {last.epochs}", ProgressBar(last.epochs, last.epoch, width=40), self._time_left(last)
        )
        return Group(Text(self._heading, style="bold"), table, bar)

    def _time_left(self, last: EpochReport) -> str:
        from studies.definition.durations import write_duration

        if not self._here:
            return ""
        recent = [r.seconds for r in self.history[-min(self._here, 5) :]]
        return f"{write_duration((last.epochs - last.epoch) * sum(recent) / len(recent))} left"


def epoch_line(report: EpochReport) -> str:
    """An epoch as one line of text."""
    return (
        f"epoch {report.epoch}/{report.epochs}  loss {report.loss:.3f}  accuracy {percent(report.accuracy)}  "
        f"CER {percent(report.cer)}  {report.seconds:.1f} s"
    )
