"""The MLflow runs of one study: what is written into them, and what is there already."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studies.registry.mlflow_client import experiment_id, open_mlflow
from studies.storage.held_out_score import TestScore
from studies.workspace.paths import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient

STUDY_TAG = "paretext.study"
KIND_TAG = "paretext.kind"
TRIAL_TAG = "paretext.trial"
STATE_TAG = "paretext.state"
TEST_LINES_TAG = "paretext.test_lines"
"""Tag of a trial's run: number of test lines that its file has read."""
TEST_DIGEST_TAG = "paretext.test_digest"
"""Tag of a trial's run: digest of these lines; a score of the same lines is not written twice."""
PARENT_TAG = "mlflow.parentRunId"

_STATUS = {"measured": "FINISHED", "precision_variant": "FINISHED", "failed": "FAILED"}
"""MLflow's run status for the outcome of a trial; every other outcome is KILLED."""


@dataclass(frozen=True)
class ClosedTrial:
    """A closed trial that is to be written."""

    number: int
    params: dict[str, Any]
    metrics: dict[str, float]
    state: str
    model: Path | None
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TestedTrial:
    """What a closed trial reads of the test lines; it is to be added to its run."""

    number: int
    score: TestScore


@dataclass(frozen=True)
class StudySettings:
    """The study's settings. They become params of the parent run."""

    params: dict[str, Any]


@dataclass(frozen=True)
class StudyEnd:
    """How the study ended."""

    status: str
    metrics: dict[str, float]


Job = ClosedTrial | TestedTrial | StudySettings | StudyEnd


class RunWriter:
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
        self._run_of, self._tested = self._closed_trials()

    def write(self, job: Job) -> None:
        """Writes a study's settings, a trial, a test score or the end of a run. What is written already is skipped."""
        if isinstance(job, StudySettings):
            self._write_study(job)
        elif isinstance(job, StudyEnd):
            self._client.log_batch(self._parent, metrics=_metrics(job.metrics))
            self._client.set_terminated(self._parent, job.status)
        elif isinstance(job, TestedTrial):
            self._write_test_score(job)
        elif job.number not in self._run_of:
            self._run_of[job.number] = self._write_trial(job)

    def _find_or_create_parent(self) -> str:
        runs = self._runs("study")
        if runs:
            return str(runs[0].info.run_id)
        tags = {STUDY_TAG: self._study_name, KIND_TAG: "study"}
        return str(self._client.create_run(self._experiment, tags=tags, run_name=self._study_name).info.run_id)

    def _closed_trials(self) -> tuple[dict[int, str], dict[int, str]]:
        """The closed runs of trials, by number, and of which test lines they have a score; deletes runs that were left open."""
        closed, tested = {}, {}
        for run in self._runs("trial"):
            if run.info.status == "RUNNING":
                self._client.delete_run(run.info.run_id)
            else:
                number = int(run.data.tags[TRIAL_TAG])
                closed[number] = str(run.info.run_id)
                tested[number] = run.data.tags.get(TEST_DIGEST_TAG, "")
        return closed, tested

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

    def _write_study(self, job: StudySettings) -> None:
        from mlflow.entities import RunTag

        # a resumed study may have a larger budget, but MLflow's params cannot change: the newest value becomes a tag
        known = self._client.get_run(self._parent).data.params
        new = {key: value for key, value in job.params.items() if key not in known}
        changed = {key: str(value) for key, value in job.params.items() if key in known and known[key] != str(value)}
        tags = [RunTag(f"paretext.now.{key}", value) for key, value in changed.items()]
        self._client.log_batch(self._parent, params=_params(new), tags=tags)
        self._client.update_run(self._parent, status="RUNNING")

    def _write_trial(self, trial: ClosedTrial) -> str:
        """Writes the run of a trial and closes it; returns its ID."""
        from mlflow.entities import RunTag

        tags = {STUDY_TAG: self._study_name, KIND_TAG: "trial", TRIAL_TAG: str(trial.number), PARENT_TAG: self._parent}
        name = f"{self._study_name} {trial.number}"
        run_id = str(self._client.create_run(self._experiment, tags=tags, run_name=name).info.run_id)
        if trial.model is not None and trial.model.is_file():
            self._client.log_artifact(run_id, str(trial.model))
        facts = [RunTag(STATE_TAG, trial.state), *(RunTag(key, value[:5000]) for key, value in trial.tags.items())]
        self._client.log_batch(run_id, metrics=_metrics(trial.metrics), params=_params(trial.params), tags=facts)
        self._client.set_terminated(run_id, _STATUS.get(trial.state, "KILLED"))
        return run_id

    def _write_test_score(self, test: TestedTrial) -> None:
        """Adds a score to the closed run of its trial.

        Raises:
            LookupError: the run could not be written yet; the score is tried again after it.
        """
        from mlflow.entities import RunTag

        number, score = test.number, test.score
        if number not in self._run_of:
            raise LookupError(f"trial {number} has no run yet to write its test score to")
        if self._tested.get(number) == score.digest:
            return
        facts = [RunTag(TEST_LINES_TAG, str(score.lines)), RunTag(TEST_DIGEST_TAG, score.digest)]
        metrics = _metrics({"test_accuracy": score.accuracy, "test_cer": score.cer})
        self._client.log_batch(self._run_of[number], metrics=metrics, tags=facts)
        self._tested[number] = score.digest


def _params(values: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(key, str(value)[:6000]) for key, value in values.items()]


def _metrics(values: Mapping[str, float]) -> list[Any]:
    from mlflow.entities import Metric

    now_ms = int(time.time() * 1000)
    return [Metric(key, value, now_ms, 0) for key, value in values.items()]
