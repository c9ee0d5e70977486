"""A scripted search as its observers see it, and a terminal that shows it."""

from __future__ import annotations

import io
from pathlib import Path

from rich.console import Console

from dashboards.views.live_table import LiveTable
from search_space import Architecture
from studies.definition.configuration import Configuration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.run.observer import Observer, StudyFacts
from studies.storage.outcomes import Failed, Measured, Outcome, OverLimit
from studies.storage.stored_trial import StoredTrial
from trainers.base.candidate import Measurement
from trainers.base.progress import EpochReport

FACTS = StudyFacts(
    name="plates",
    trials=4,
    finished=1,
    resumed=True,
    epochs=10,
    training_lines=2_000,
    validation_lines=500,
    symbols=10,
    skipped=tuple(f"{i}.png: empty" for i in range(7)),
    size_limit_bytes=10_000_000,
    seconds=None,
    workers=2,
    objectives=objectives_of(DEFAULT),
    recorded=2,
)


def measured(
    accuracy: float, size_bytes: int, cer: float = 0.02, latency_ms: float = 1.25, flops: int | None = None
) -> Measurement:
    return Measurement(accuracy, cer, size_bytes, latency_ms, 100_000, 500, flops)


def ended(number: int, architecture: Architecture, outcome: Outcome) -> StoredTrial:
    return StoredTrial.of(number, {}, architecture, None, outcome)


def complete(accuracy: float, size_bytes: int) -> Measured:
    return Measured(measured(accuracy, size_bytes), Path("m.onnx"), 10)


def play(watcher: Observer) -> None:
    """A search from its start to two trainings under way."""
    watcher.preparing("images at 32 px", 100, 2_500)
    watcher.preparing("images at 32 px", 2_500, 2_500)
    watcher.study_started(FACTS)
    small, large = Architecture(width_percent=25), Architecture(width_percent=100)
    watcher.trial_started(5, Configuration(small), 400_000)
    watcher.trial_closed(ended(6, large, OverLimit("12MB is over 10MB", 0.2)))
    watcher.trial_closed(ended(5, small, complete(0.9, 410_000)))
    watcher.trial_started(7, Configuration(large), 1_500_000)
    watcher.trial_closed(ended(7, large, Failed("nan: the loss is not finite")))
    watcher.trial_started(8, Configuration(large), 1_500_000)
    watcher.trial_progress(8, EpochReport(epoch=5, epochs=10, loss=1.0, accuracy=0.4567, cer=0.2, seconds=1.0, worker="2"))
    watcher.note("MLflow cannot be written")


def on_a_terminal(width: int = 118, height: int = 30) -> tuple[LiveTable, Console]:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, height=height, highlight=False, color_system=None)
    return LiveTable(console), console


def drawn(table: LiveTable, console: Console) -> str:
    """The table as it stands, without what was said above it."""
    with console.capture() as captured:
        console.print(table)
    return captured.get()
