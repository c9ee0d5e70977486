"""The log of a study: every event of every run, as a line of JSON.

    {"at": "2026-05-04T10:20:30.123+00:00", "run": "host:4711", "event": "epoch", "trial": 7, "epoch": 3, ...}

The terminal's output is lost when it is closed. The log shows afterwards which process was lost when, and how its trial ended.
A search never reads its log: the record is Optuna's storage. What happens before a study starts is written when it does, so a
search that is refused leaves no file.
"""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TextIO

from studies.definition.configuration import Configuration
from studies.run.observer import Observer, StudyFacts, Summary
from studies.storage.lease import owner_here
from studies.storage.stored_trial import StoredTrial
from studies.workspace.paths import Workspace
from trainers.base.errors import one_line
from trainers.base.progress import EpochReport
from trainers.base.redaction import redact
from trainers.trial.epoch_log import EPOCHS_NAME, read_lines


class StudyLog:
    """Writes events to a file and passes them on to another observer. As a context manager it closes the file.

    Args:
        file: lines are appended to it; it is created when the study starts.
        observer: receives every event, too.
    """

    def __init__(self, file: Path, observer: Observer) -> None:
        self._observer, self._run = observer, owner_here()
        self._path = file
        self._file: TextIO | None = None
        self._waiting: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if error is not None:
            self._write("run breaks off", reason=one_line(error))
        if self._path.exists():
            self._open()
        if self._file is not None:
            self._file.close()

    def note(self, text: str) -> None:
        text = redact(text)
        self._write("note", text=text)
        self._observer.note(text)

    def preparing(self, what: str, done: int, total: int) -> None:
        self._observer.preparing(what, done, total)

    def study_started(self, facts: StudyFacts) -> None:
        self._open()
        self._write("run starts", trials=facts.trials, finished=facts.finished, resumed=facts.resumed, workers=facts.workers)
        self._observer.study_started(facts)

    def trial_started(self, number: int, configuration: Configuration, size_bytes: int) -> None:
        self._write("trial starts", trial=number, digest=configuration.digest, size_bytes=size_bytes)
        self._observer.trial_started(number, configuration, size_bytes)

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
        """Appends a line. Errors are ignored, so that a full disk does not end a search."""
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = json.dumps({"at": at, "run": self._run, "event": event, **facts}) + "\n"
        if self._file is None:
            self._waiting.append(line)
        else:
            self._append(line)

    def _open(self) -> None:
        """Opens the file, and writes what has happened before."""
        if self._file is None:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")
            self._append("".join(self._waiting))

    def _append(self, text: str) -> None:
        with contextlib.suppress(OSError):
            assert self._file is not None
            self._file.write(text)
            self._file.flush()


def read_log(file: Path) -> list[dict[str, Any]]:
    """Returns all complete lines, oldest first; a killed driver may have left an incomplete one."""
    return read_lines(file)


def epoch_logs(workspace: Workspace, study: str) -> list[Path]:
    """Returns the epoch logs (`trainers.trial.epoch_log`) of all trials, closed ones first."""
    return [*sorted(workspace.epochs(study).glob("*.jsonl")), *sorted(workspace.trials(study).glob(f"*/{EPOCHS_NAME}"))]
