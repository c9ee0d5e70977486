"""What a training has come to: its pictures, its values for scripts, and the lines that are printed when it ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dashboards.views.before_and_after import BeforeAndAfter, table_of
from trainers.base.candidate import Candidate

if TYPE_CHECKING:
    from trainers.base.progress import EpochReport
    from trainers.data.arrays import LineArrays
    from trainers.trial.run import TrialJob

SHOWN_MISTAKES = 30
"""Most lines on the picture of errors."""


def draw_pictures(job: TrialJob, candidate: Candidate, lines: LineArrays, history: Sequence[EpochReport]) -> None:
    """Writes curves.png and errors.png."""
    from dashboards.views.console import accuracy_words, percent
    from dashboards.views.training_pictures import draw_curves, draw_mistakes

    measured = candidate.measurement
    accuracy = accuracy_words(measured.accuracy, measured.lines)
    title = f"{job.architecture.describe()} on {job.data.training}: {accuracy} exact, CER {percent(measured.cer)}"
    if history:  # a finished training whose checkpoint and log were deleted keeps its picture
        draw_curves(history, job.folder / "curves.png", title)
    from trainers.evaluation.mistakes import worst_mistakes

    mistakes = worst_mistakes(candidate.model, lines, SHOWN_MISTAKES)
    draw_mistakes(mistakes, job.folder / "errors.png", f"worst readings of {title}")


def as_dict(candidate: Candidate) -> dict[str, Any]:
    """A candidate as JSON values: with the interval of its accuracy, without the single lines."""
    from trainers.evaluation.uncertainty import wilson_interval

    values = candidate.as_dict()
    values["measurement"].pop("right_lines", None)
    low, high = wilson_interval(candidate.measurement.accuracy, candidate.measurement.lines)
    values["measurement"] |= {"accuracy_low": low, "accuracy_high": high, "validation_lines": candidate.measurement.lines}
    return values


def tell(candidate: Candidate, folder: Path, compared: Sequence[BeforeAndAfter]) -> None:
    from dashboards.views.console import accuracy_words, percent, stdout_console
    from search_space import write_size

    m = candidate.measurement
    stdout_console().print(
        f"{accuracy_words(m.accuracy, m.lines)} of {m.lines:,} validation lines without an error, CER {percent(m.cer)}; "
        f"{write_size(m.size_bytes)}, {m.latency_ms:.2f} ms a line, {m.parameters:,} weights",
        markup=False,
    )
    if compared:
        stdout_console().print(table_of(compared))
    stdout_console().print(f"{candidate.model}\n{folder / 'curves.png'}\n{folder / 'errors.png'}", markup=False, soft_wrap=True)
