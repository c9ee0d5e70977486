"""The log of a study: everything that its watchers were told, by every run of it, a line of JSON each.

    {"at": "2026-05-04T10:20:30.123+00:00", "run": "host:4711", "event": "epoch", "trial": 7, "epoch": 3, ...}

What a person has seen on a terminal is gone with it; this says afterwards which process was lost when, and what became of it.
Optuna has the truth: nothing is ever read back from here.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from search_space.architecture import Architecture
from studies.run.observer import Observer, StudyFacts, Summary
from studies.storage.lease import owner_here
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from trainers.base.progress import EpochReport
from trainers.trial.epoch_log import EPOCHS_NAME, read_lines


class StudyLog:
    """Writes down what it is told, and tells another observer; a context manager, so that the file is closed.

    Args:
        file: added to; made when missing.
        observer: told of everything too.
    """

    def __init__(self, file: Path, observer: Observer) -> None:
        self._observer, self._run = observer, owner_here()
        file.parent.mkdir(parents=True, exist_ok=True)
        self._file = file.open("a", encoding="utf-8")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._write("run breaks off", reason=f"{type(error).__name__}: {error}".splitlines()[0])
        self._file.close()

    def note(self, text: str) -> None:
        self._write("note", text=text)
        self._observer.note(text)

    def preparing(self, what: str, done: int, total: int) -> None:
        self._observer.preparing(what, done, total)

    def study_started(self, facts: StudyFacts) -> None:
        self._write("run starts", trials=facts.trials, finished=facts.finished, resumed=facts.resumed, workers=facts.workers)
        self._observer.study_started(facts)

    def trial_started(self, number: int, architecture: Architecture, size_bytes: int) -> None:
        self._write("trial starts", trial=number, digest=architecture.digest, size_bytes=size_bytes)
        self._observer.trial_started(number, architecture, size_bytes)

    def trial_progress(self, number: int, report: EpochReport) -> None:
        self._write("epoch", trial=number, **report.as_dict())
        self._observer.trial_progress(number, report)

    def trial_lost(self, number: int, reason: str) -> None:
        self._write("trial lost", trial=number, reason=reason)
        self._observer.trial_lost(number, reason)

    def trial_paused(self, number: int, epoch: int) -> None:
        self._write("trial pauses", trial=number, epoch=epoch)
        self._observer.trial_paused(number, epoch)

    def trial_closed(self, trial: StoredTrial) -> None:
        self._write("trial ends", trial=trial.number, outcome=trial.outcome.name, reason=trial.reason)
        self._observer.trial_closed(trial)

    def study_finished(self, summary: Summary) -> None:
        self._write("run ends", finished=summary.finished, trials=summary.trials, reason=summary.reason)
        self._observer.study_finished(summary)

    def _write(self, event: str, **facts: Any) -> None:
        """Adds a line; a full disk does not stop a study here."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        with contextlib.suppress(OSError):
            self._file.write(json.dumps({"at": at, "run": self._run, "event": event, **facts}) + "\n")
            self._file.flush()


def read_log(file: Path) -> list[dict[str, Any]]:
    """Every whole line, oldest first; a driver that was killed may have left half of one."""
    return read_lines(file)


def epoch_logs(workspace: Workspace, study: str) -> list[Path]:
    """Logs of what each trial has trained (`trainers.trial.epoch_log`), of closed trials and of open ones."""
    return [*sorted(workspace.epochs(study).glob("*.jsonl")), *sorted(workspace.trials(study).glob(f"*/{EPOCHS_NAME}"))]
