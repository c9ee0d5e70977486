"""Writes studies and trials to MLflow: one parent run for each study, one child run for each trial.

Decisions:
- MLflow holds a copy for its web page; Optuna's storage is the record. So an error here never stops a study: it is reported
  once, and what could not be written is retried with the next trial and at the end.
- A thread does the writing: MLflow's import and the creation of its database take ten seconds, and the search does not wait.
- Closing a trial's run is the last step of writing it. So an open run was left by a driver that died; it is deleted and written
  from scratch. A resumed search sends every closed trial again; trials whose runs are closed are skipped.
- A job queue that has grown during an outage is tried as a whole, so that each new trial does not wait for another time-out.
- The test lines are read when a search ends, after the runs of its trials are closed. What a trial reads of them is added to
  its closed run: metrics and tags may be, and the run says which test lines they are of.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal

from studies.objectives.objective import Objective
from studies.registry.front_record import DrawFront
from studies.registry.run_records import ClosedTrial, Job, StudyEnd, StudyFront, StudySettings, TestedTrial
from studies.registry.run_writer import RunWriter
from studies.registry.system_metrics import SystemMetrics
from studies.registry.training_course import TrainingCourse
from studies.storage.front_point import FrontPoint
from studies.storage.held_out_score import TestScore
from studies.workspace.paths import Workspace
from trainers.base.redaction import redact

AUTOFLUSH = "(raised as a result of Query-invoked autoflush"
"""Beginning of a line that SQLAlchemy writes before the reason."""


class RunTracker:
    """Implements `studies.registry.tracker.Tracker`: writes one study and its trials to MLflow in a thread of its own.

    Args:
        workspace: the workspace folder, which holds the MLflow database.
        study_name: name of the study and of its parent run.
        report: receives at most two messages of one line: when writing fails for the first time, and at the end if some trials
            are not written.
        draw: draws the front for the parent run; None: it gets no picture.
        completes: when the study began, if no search runs it and only what is missing is to be written
            (`studies.run.sync`); None: a search runs it.

    Attributes:
        written: trials that this object has written.
    """

    def __init__(
        self,
        workspace: Workspace,
        study_name: str,
        report: Callable[[str], None] = lambda line: None,
        draw: DrawFront | None = None,
        completes: datetime | None = None,
    ) -> None:
        self._workspace = workspace
        self._study_name = study_name
        self._report = report
        self._draw = draw
        self._live, self._began_ms = completes is None, None if completes is None else int(1000 * completes.timestamp())
        self._settings = StudySettings({})
        self.written = 0
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._waiting: deque[Job] = deque()
        self._unwritten: set[tuple[type, int]] = set()
        self._reported = False
        self._writer: RunWriter | None = None
        self._system_metrics = SystemMetrics(workspace.mlflow_uri)
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    def start(self, study_params: Mapping[str, Any], data: Mapping[str, Any] | None = None) -> None:
        """Starts the thread, which creates the parent run, or opens the one that an earlier run of the study created.

        Nested tables of `study_params` become params with dotted names, the lines of `data` inputs.
        """
        self._settings = StudySettings(flatten(study_params), dict(data or {}), self._live)
        self._jobs.put(self._settings)
        self._thread.start()

    def log_trial(
        self,
        number: int,
        architecture: Mapping[str, Any] | None,
        measurement: Mapping[str, Any] | None,
        state: str,
        model: Path | None = None,
        tags: Mapping[str, Any] | None = None,
        course: TrainingCourse | None = None,
    ) -> None:
        """Queues a closed trial for the thread, which writes it as a child run unless it is written already.

        Fields of the architecture and searched recipe settings become params, numbers of the measurement metrics, `state` and
        `tags` tags whose names begin with `paretext.`, the model an artifact, and each epoch of the training a step.
        """
        metrics = {
            k: float(v) for k, v in (measurement or {}).items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        texts = {f"paretext.{k}": str(v) for k, v in (tags or {}).items() if v is not None}
        self._unwritten.add((ClosedTrial, number))
        self._jobs.put(ClosedTrial(number, dict(architecture or {}), metrics, state, model, texts, course or TrainingCourse()))

    def log_test_score(self, number: int, score: TestScore) -> None:
        """Queues a score of the test lines for the thread, which adds it to the trial's run unless it is there already.

        Accuracy and CER become the metrics `test_accuracy` and `test_cer`, the number of lines the tag `paretext.test_lines`.
        """
        self._unwritten.add((TestedTrial, number))
        self._jobs.put(TestedTrial(number, score))

    def log_front(self, points: Sequence[FrontPoint], objectives: Sequence[Objective]) -> None:
        """Queues the front for the thread, which adds it to the parent run unless it is there already."""
        self._unwritten.add((StudyFront, 0))
        self._jobs.put(StudyFront(tuple(points), tuple(objectives)))

    def finish(
        self,
        state: Literal["complete", "stopped"] = "complete",
        metrics: Mapping[str, float] | None = None,
        wait_s: float | None = 120.0,
    ) -> None:
        """Closes the parent run and waits until everything is written.

        Args:
            state: `complete` if the study reached its end, `stopped` if it was interrupted.
            metrics: metrics of the whole study, for the parent run.
            wait_s: the longest time to wait, in seconds. Trials that are not written by then are written when the study is
                resumed, or by `paretext sync`. None waits until it has been tried, however long that takes.
        """
        self._jobs.put(StudyEnd("FINISHED" if state == "complete" else "KILLED", dict(metrics or {}), self._live))
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if missing := self.missing:
            self._report(
                f"{missing} not in MLflow yet; 'paretext sync {self._study_name}' writes what is missing, and so does the next "
                f"run of the study"
            )

    @property
    def missing(self) -> str:
        """What is not written yet, as the beginning of a sentence; empty if everything is."""
        count = len({number for kind, number in self._unwritten if kind is not StudyFront})
        if count:
            return "1 trial is" if count == 1 else f"{count} trials are"
        return "the front is" if self._unwritten else ""

    def _work(self) -> None:
        job = self._jobs.get()
        while job is not None:
            self._waiting.append(job)
            with suppress(Empty):
                while (job := self._jobs.get_nowait()) is not None:
                    self._waiting.append(job)
            self._write_waiting()
            if job is not None:
                job = self._jobs.get()
        self._system_metrics.stop()
        while self._waiting and self._write_waiting():
            pass
        self._system_metrics.stop()  # a writer that was opened since has started it

    def _write_waiting(self) -> int:
        """Tries every waiting job once; returns how many were written."""
        before = len(self._waiting)
        for _ in range(len(self._waiting)):
            job = self._waiting[0]
            try:
                self._writer = self._writer or self._open()
                self.written += self._writer.write(job)
            except Exception as error:  # MLflow, SQLAlchemy and the disk raise many kinds; none may stop the search
                self._report_first_error(error)
                if self._writer is None:
                    break
                self._writer = None  # the next one deletes the run that was half written
                self._waiting.rotate(-1)  # one job that cannot be written must not block the others
            else:
                self._waiting.popleft()
                if isinstance(job, ClosedTrial | TestedTrial):
                    self._unwritten.discard((type(job), job.number))
                elif isinstance(job, StudyFront):
                    self._unwritten.discard((StudyFront, 0))
        return before - len(self._waiting)

    def _open(self) -> RunWriter:
        writer = RunWriter(self._workspace, self._study_name, self._draw, self._began_ms)
        writer.take_settings(self._settings)
        if self._live:
            self._system_metrics.start(writer.parent)
        return writer

    def _report_first_error(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            said = [line for line in str(error).splitlines() if line.strip() and not line.startswith(AUTOFLUSH)]
            reason = redact(said[0]) if said else type(error).__name__
            self._report(f"MLflow cannot be written ({reason}); the search continues and retries")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested tables as one table with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat
