"""Draws the live table of a search as an SVG, by replaying the log of a real run.

    python -m dashboards.views.live_table_svg NAME docs/live-table.svg --seconds 349

NAME is a study in PARETEXT_HOME (or runs/). The README shows the result.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console

from dashboards.views.live_table import LiveTable
from studies.definition.configuration import Configuration
from studies.objectives.catalog import DEFAULT, objectives_of
from studies.run.observer import StudyFacts
from studies.run.study_log import read_log
from studies.storage.pareto_front import load_store
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from trainers.base.progress import EpochReport

COLUMNS = 152
"""Width of the picture in characters: the least with the plot of the front beside the table."""


class Replay:
    """Replays the log of a run into a live table.

    Args:
        events: lines of the log, oldest first; the first is `run starts`.
        known: number to trial, for all trials of the study.
        epochs: number of epochs of a full training.
        columns: of the terminal.
    """

    def __init__(
        self, events: Sequence[dict[str, Any]], known: dict[int, StoredTrial], epochs: int, columns: int = COLUMNS
    ) -> None:
        self._events, self._known, self._epochs = events, known, epochs
        self._now_s = 0.0
        self.console = Console(file=io.StringIO(), record=True, width=columns, height=40, force_terminal=True, highlight=False)
        self._table = LiveTable(self.console, clock=lambda: self._now_s)

    def until(self, seconds: float) -> None:
        """Draws the table as it was this many seconds after the start of the run."""
        began_s = _at_s(self._events[0])
        for event in self._events:
            if _at_s(event) - began_s > seconds:
                break
            self._now_s = _at_s(event) - began_s
            self._play(event)
        self._now_s = seconds
        self.console.export_text()  # forgets what was printed above the table
        self.console.print("$ paretext search", style="bold")
        self.console.print()
        self.console.print(self._table)

    def _play(self, event: dict[str, Any]) -> None:
        number = event.get("trial", -1)
        match event["event"]:
            case "run starts":
                self._table.study_started(_facts(event, self._epochs))
            case "trial starts":
                self._table.trial_started(number, self._configuration(number), event["size_bytes"])
            case "epoch":
                fields = ("epoch", "epochs", "loss", "accuracy", "cer", "seconds", "worker")
                known = {name: event[name] for name in fields if name in event}
                self._table.trial_progress(number, EpochReport(**known))
            case "trial pauses":
                self._table.trial_paused(number, event["epoch"])
            case "trial ends":
                self._table.trial_closed(self._known[number])

    def _configuration(self, number: int) -> Configuration:
        configuration = self._known[number].configuration
        assert configuration is not None, "what trains has one"
        return configuration


def _at_s(event: dict[str, Any]) -> float:
    return datetime.fromisoformat(event["at"]).timestamp()


def _facts(event: dict[str, Any], epochs: int) -> StudyFacts:
    """The facts that the table uses; the others are only for the introduction, which is not in the picture."""
    return StudyFacts(
        name="",
        trials=event["trials"],
        finished=event["finished"],
        resumed=event["resumed"],
        epochs=epochs,
        training_lines=0,
        validation_lines=0,
        symbols=0,
        skipped=(),
        size_limit_bytes=None,
        seconds=None,
        workers=event["workers"],
        objectives=objectives_of(DEFAULT),
    )


def main() -> None:
    """Draws the picture that the command line asks for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", metavar="NAME", help="a study with the objectives accuracy and size")
    parser.add_argument("file", metavar="FILE.svg", type=Path, help="what to write")
    parser.add_argument("--seconds", type=float, required=True, help="after the start of the run")
    parser.add_argument("--columns", type=int, default=COLUMNS, help=f"of the terminal (default: {COLUMNS})")
    arguments = parser.parse_args()
    workspace = Workspace.of_environment()
    store = load_store(workspace, arguments.name)
    known = {trial.number: trial for trial in store.stored_trials()}
    events = read_log(workspace.folder / "studies" / arguments.name / "log.jsonl")
    epochs = next(event["epochs"] for event in events if event["event"] == "epoch")
    replay = Replay(events, known, epochs, arguments.columns)
    replay.until(arguments.seconds)
    arguments.file.write_text(replay.console.export_svg(title="paretext search"), encoding="utf-8")


if __name__ == "__main__":
    main()
