"""Writes studies and trials to MLflow: one parent run for each study, one child run for each trial.

Decisions:
- MLflow holds a copy for people to browse; Optuna's storage is the record. So an error here never stops a study: it is reported
  once, and what could not be written is retried with the next trial and at the end.
- A thread does the writing: MLflow's import and the creation of its database take ten seconds, and the search does not wait.
- Closing a trial's run is the last step of writing it. So an open run was left by a driver that died; it is deleted and written
  from scratch. A resumed search sends every closed trial again; trials whose runs are closed are skipped.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Literal

from studies.registry.mlflow_client import experiment_id, open_mlflow
from studies.workspace.paths import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY_TAG = "paretext.study"
KIND_TAG = "paretext.kind"
TRIAL_TAG = "paretext.trial"
STATE_TAG = "paretext.state"
PARENT_TAG = "mlflow.parentRunId"

_STATUS = {"measured": "FINISHED", "precision_variant": "FINISHED", "failed": "FAILED"}
"""MLflow's run status for the outcome of a trial; every other outcome is KILLED."""


@dataclass(frozen=True)
class _Trial:
    """A closed trial that is to be written."""

    number: int
    params: dict[str, Any]
    metrics: dict[str, float]
    state: str
    model: Path | None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Study:
    """The study's settings. They become params of the parent run."""

    params: dict[str, Any]


@dataclass(frozen=True)
class _End:
    """How the study ended."""

    status: str
    metrics: dict[str, float]


_Job = _Trial | _Study | _End


class RunTracker:
    """Implements `studies.registry.tracker.Tracker`: writes one study and its trials to MLflow in a thread of its own.

    Args:
        workspace: the workspace folder, which holds the MLflow database.
        study_name: name of the study and of its parent run.
        report: receives at most two messages of one line: when writing fails for the first time, and at the end if some trials
            are not written.
    """

    def __init__(self, workspace: Workspace, study_name: str, report: Callable[[str], None] = lambda line: None) -> None:
        self._workspace = workspace
        self._study_name = study_name
        self._report = report
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._waiting: deque[_Job] = deque()
        self._unwritten: set[int] = set()
        self._reported = False
        self._writer: _RunWriter | None = None
        self._thread = threading.Thread(target=self._work, name="mlflow", daemon=True)

    def start(self, study_params: Mapping[str, Any]) -> None:
        """Starts the thread, which creates the parent run, or opens the one that an earlier run of the study created.

        Nested tables of `study_params` become params with dotted names.
        """
        self._jobs.put(_Study(flatten(study_params)))
        self._thread.start()

    def log_trial(
        self,
        number: int,
        architecture: Mapping[str, Any] | None,
        measurement: Mapping[str, Any] | None,
        state: str,
        model: Path | None = None,
        tags: Mapping[str, Any] | None = None,
    ) -> None:
        """Queues a closed trial for the thread, which writes it as a child run unless it is written already.

        Fields of the architecture become params, numbers of the measurement metrics, `state` and `tags` tags whose names begin
        with `paretext.`, and the model an artifact.
        """
        metrics = {
            k: float(v) for k, v in (measurement or {}).items() if isinstance(v, int | float) and not isinstance(v, bool)
        }
        texts = {f"paretext.{k}": str(v) for k, v in (tags or {}).items() if v is not None}
        self._unwritten.add(number)
        self._jobs.put(_Trial(number, dict(architecture or {}), metrics, state, model, texts))

    def finish(
        self,
        state: Literal["complete", "stopped"] = "complete",
        metrics: Mapping[str, float] | None = None,
        wait_s: float = 120.0,
    ) -> None:
        """Closes the parent run and waits until everything is written.

        Args:
            state: `complete` if the study reached its end, `stopped` if it was interrupted.
            metrics: metrics of the whole study, for the parent run.
            wait_s: the longest time to wait, in seconds. Trials that are not written by then are written when the study is
                resumed.
        """
        self._jobs.put(_End("FINISHED" if state == "complete" else "KILLED", dict(metrics or {})))
        self._jobs.put(None)
        if self._thread.is_alive():
            self._thread.join(wait_s)
        if self._unwritten:
            trials = "1 trial is" if len(self._unwritten) == 1 else f"{len(self._unwritten)} trials are"
            self._report(f"{trials} not in MLflow yet; they are written when study '{self._study_name}' is run again")

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            self._waiting.append(job)
            self._write_waiting()

    def _write_waiting(self) -> None:
        for _ in range(len(self._waiting)):
            job = self._waiting[0]
            try:
                self._writer = self._writer or _RunWriter(self._workspace, self._study_name)
                self._writer.write(job)
            except Exception as error:  # MLflow, SQLAlchemy and the disk raise many kinds; none may stop the search
                self._report_first_error(error)
                if self._writer is None:
                    return
                self._writer = None  # the next one deletes the run that was half written
                self._waiting.rotate(-1)  # one job that cannot be written must not block the others
            else:
                self._waiting.popleft()
                if isinstance(job, _Trial):
                    self._unwritten.discard(job.number)

    def _report_first_error(self, error: Exception) -> None:
        if not self._reported:
            self._reported = True
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            self._report(f"MLflow cannot be written ({reason}); the search continues and retries")


class _RunWriter:
    """Creates, fills and closes the MLflow runs of one study.

    Args:
        workspace: the folder that holds the database.
        study_name: name of the study.
    """

    def __init__(self, workspace: Workspace, study_name: str) -> None:
        self._client: MlflowClient = open_mlflow(workspace)
        self._experiment = experiment_id(self._client, workspace)
        self._study_name = study_name
        self._parent = self._find_or_create_parent()
        self._written = self._closed_trials()

    def write(self, job: _Job) -> None:
        """Writes a study's settings, a trial or the end of a run. Trials that are written already are skipped."""
        if isinstance(job, _Study):
            self._write_study(job)
        elif isinstance(job, _End):
            self._client.log_batch(self._parent, metrics=_metrics(job.metrics))
            self._client.set_terminated(self._parent, job.status)
        elif job.number not in self._written:
            self._write_trial(job)
            self._written.add(job.number)

    def _find_or_create_parent(self) -> str:
        runs = self._runs("study")
        if runs:
            return str(runs[0].info.run_id)
        tags = {STUDY_TAG: self._study_name, KIND_TAG: "study"}
        return str(self._client.create_run(self._experiment, tags=tags, run_name=self._study_name).info.run_id)

    def _closed_trials(self) -> set[int]:
        """Returns the numbers of trials whose runs are closed; deletes the runs that a driver left open when it died."""
        closed = set()
        for run in self._runs("trial"):
            if run.info.status == "RUNNING":
                self._client.delete_run(run.info.run_id)
            else:
                closed.add(int(run.data.tags[TRIAL_TAG]))
        return closed

    def _runs(self, kind: str) -> list[Any]:
        """Returns all runs of the study with one value of `KIND_TAG`, oldest first."""
        wanted = f"tags.`{STUDY_TAG}` = '{self._study_name}' and tags.`{KIND_TAG}` = '{kind}'"
        runs: list[Any] = []
        token: str | None = None
        while True:
            page = self._client.search_runs(
                [self._experiment], wanted, max_results=1000, order_by=["attributes.start_time"], page_token=token
            )
            runs += page
            token = page.token
            if not token:
                return runs

    def _write_study(self, job: _Study) -> None:
        from mlflow.entities import RunTag

        # a resumed study may have a larger budget, but MLflow's params cannot change: the newest value becomes a tag
        known = self._client.get_run(self._parent).data.params
        new = {key: value for key, value in job.params.items() if key not in known}
        changed = {key: str(value) for key, value in job.params.items() if key in known and known[key] != str(value)}
        tags = [RunTag(f"paretext.now.{key}", value) for key, value in changed.items()]
        self._client.log_batch(self._parent, params=_params(new), tags=tags)
        self._client.update_run(self._parent, status="RUNNING")

    def _write_trial(self, trial: _Trial) -> None:
        from mlflow.entities import RunTag

        tags = {STUDY_TAG: self._study_name, KIND_TAG: "trial", TRIAL_TAG: str(trial.number), PARENT_TAG: self._parent}
        name = f"{self._study_name} {trial.number}"
        run_id = self._client.create_run(self._experiment, tags=tags, run_name=name).info.run_id
        if trial.model is not None and trial.model.is_file():
            self._client.log_artifact(run_id, str(trial.model))
        facts = [RunTag(STATE_TAG, trial.state), *(RunTag(key, value[:5000]) for key, value in trial.tags.items())]
        self._client.log_batch(run_id, metrics=_metrics(trial.metrics), params=_params(trial.params), tags=facts)
        self._client.set_terminated(run_id, _STATUS.get(trial.state, "KILLED"))


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns nested tables as one table with dotted names."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def _params(values: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(key, str(value)[:6000]) for key, value in values.items()]


def _metrics(values: Mapping[str, float]) -> list[Any]:
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    return [Metric(key, value, now_ms, 0) for key, value in values.items()]
