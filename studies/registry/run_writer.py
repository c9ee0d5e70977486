"""The MLflow runs of one study: what is written into them, and what is there already."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from studies.registry.front_record import MOST_METRICS, DrawFront, front_digest, write_front
from studies.registry.mlflow_client import experiment_id, open_mlflow
from studies.registry.run_notes import study_note, trial_note
from studies.registry.run_origin import PROGRAM, dataset_inputs, origin_tags
from studies.registry.run_records import (
    COMMIT_TAG,
    FRONT_TAG,
    KIND_TAG,
    NOTE_TAG,
    PARENT_TAG,
    STATE_TAG,
    STUDY_TAG,
    TEST_DIGEST_TAG,
    TEST_LINES_TAG,
    TRIAL_TAG,
    USER_TAG,
    ClosedTrial,
    Job,
    StudyEnd,
    StudyFront,
    StudySettings,
    TestedTrial,
)
from studies.registry.training_course import EpochMetric
from studies.storage.pareto_front import pareto_front
from studies.workspace.paths import Workspace
from trainers.base.redaction import redact

if TYPE_CHECKING:
    from mlflow import MlflowClient

LONGEST_TAG = 5000
"""Characters of a tag that are written; MLflow's server takes 8,000."""


class RunWriter:
    """Creates, fills and closes the MLflow runs of one study.

    Args:
        workspace: the folder that holds the database.
        study_name: name of the study.
        draw: draws the front; None: its run gets no picture.
        began_ms: when the study began, for a new parent run, in milliseconds since 1970; None means now.

    Attributes:
        parent: ID of the run of the study.
    """

    def __init__(
        self, workspace: Workspace, study_name: str, draw: DrawFront | None = None, began_ms: int | None = None
    ) -> None:
        self._client: MlflowClient = open_mlflow(workspace)
        self._experiment = experiment_id(self._client, workspace)
        self._study_name, self._draw, self._began_ms = study_name, draw, began_ms
        self._settings = StudySettings({})
        self._last_end_ms: int | None = None
        self._origin = dict(PROGRAM)
        self.parent = self._find_or_create_parent()
        self._run_of, self._tested = self._closed_trials()

    def write(self, job: Job) -> bool:
        """Writes a study's settings, a trial, a test score, the front or the end of a run.

        Returns:
            Whether a trial was written; what is written already is skipped.
        """
        match job:
            case StudySettings():
                self.take_settings(job)
                self._write_study(job)
            case StudyFront():
                self._write_front(job)
            case StudyEnd():
                self._write_end(job)
            case TestedTrial():
                self._write_test_score(job)
            case ClosedTrial():
                self._last_end_ms = max(self._last_end_ms or 0, job.course.closed_ms or 0) or None
                if job.number not in self._run_of:
                    self._run_of[job.number] = self._write_trial(job)
                    return True
        return False

    def take_settings(self, settings: StudySettings) -> None:
        """Takes the settings of the study, which its trials and its front need; nothing is written."""
        self._settings = settings
        if settings.live:
            self._origin = origin_tags()

    def _find_or_create_parent(self) -> str:
        runs = self._runs("study")
        if runs:
            self._origin |= {key: value for key, value in runs[0].data.tags.items() if key in (COMMIT_TAG, USER_TAG)}
            return str(runs[0].info.run_id)
        tags = {STUDY_TAG: self._study_name, KIND_TAG: "study", **PROGRAM}
        made = self._client.create_run(self._experiment, self._began_ms, tags=tags, run_name=self._study_name)
        return str(made.info.run_id)

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
        # a resumed study may have a larger budget, but MLflow's params cannot change: the newest value becomes a tag
        run = self._client.get_run(self.parent)
        known, params = run.data.params, {key: redact(str(value)) for key, value in job.params.items()}
        new = {key: value for key, value in params.items() if key not in known}
        tags = {f"paretext.now.{key}": value for key, value in params.items() if key in known and known[key] != value[:6000]}
        if NOTE_TAG not in run.data.tags:
            tags[NOTE_TAG] = study_note(self._study_name, params, ())
        self._client.log_batch(self.parent, params=_params(new), tags=_tags(tags | self._origin))
        if not run.inputs.dataset_inputs and (inputs := dataset_inputs(params, job.data)):
            self._client.log_inputs(self.parent, inputs)
        if job.live:
            self._client.update_run(self.parent, status="RUNNING")

    def _write_front(self, job: StudyFront) -> None:
        """Writes the front unless the run has it already."""
        front = pareto_front(job.points, job.objectives)
        digest = front_digest(job.points, front)
        if self._client.get_run(self.parent).data.tags.get(FRONT_TAG) == digest:
            return
        write_front(self._client, self.parent, self._study_name, job.points, front, job.objectives, self._draw)
        params = {key: redact(str(value)) for key, value in self._settings.params.items() if value is not None}
        tags = {NOTE_TAG: study_note(self._study_name, params, front), FRONT_TAG: digest}
        self._client.log_batch(self.parent, tags=_tags(tags))

    def _write_end(self, job: StudyEnd) -> None:
        if job.metrics:
            self._client.log_batch(self.parent, metrics=_metrics(job.metrics))
        if job.live or self._client.get_run(self.parent).info.status == "RUNNING":
            self._client.set_terminated(self.parent, job.status, None if job.live else self._last_end_ms)

    def _write_trial(self, trial: ClosedTrial) -> str:
        """Writes the run of a trial and closes it; returns its ID."""
        epochs = trial.course.epochs()
        began_ms, ended_ms = trial.course.began_ms(epochs), trial.course.ended_ms(epochs)
        name = f"{self._study_name} {trial.number}"
        if trial.state != "measured":
            name += f" ({trial.state.replace('_', ' ')})"
        made = self._client.create_run(self._experiment, began_ms, tags=self._tags_of(trial), run_name=name)
        run_id = str(made.info.run_id)
        if trial.model is not None and trial.model.is_file():
            self._client.log_artifact(run_id, str(trial.model))
        last = trial.course.last_epoch or (epochs[-1].epoch if epochs else 0)
        metrics = [*_epoch_metrics(epochs), *_metrics(trial.metrics, last, ended_ms)]
        for first in range(0, max(len(metrics), 1), MOST_METRICS):
            params = _params(trial.params) if first == 0 else []
            self._client.log_batch(run_id, metrics[first : first + MOST_METRICS], params)
        if inputs := dataset_inputs(self._settings.params, self._settings.data, trial.params.get("height_px", 0)):
            self._client.log_inputs(run_id, inputs)
        # red is for what has failed; what early stopping has ended or the next run resumes is said by its state
        self._client.set_terminated(run_id, "FAILED" if trial.state == "failed" else "FINISHED", ended_ms)
        return run_id

    def _tags_of(self, trial: ClosedTrial) -> dict[str, str]:
        own = {STUDY_TAG: self._study_name, KIND_TAG: "trial", TRIAL_TAG: str(trial.number), PARENT_TAG: self.parent}
        said = {key: redact(value)[:LONGEST_TAG] for key, value in trial.tags.items()}
        note = trial_note(self._study_name, trial.number, trial.state, said, trial.model is not None)
        return {**self._origin, **said, **own, STATE_TAG: trial.state, NOTE_TAG: note}

    def _write_test_score(self, test: TestedTrial) -> None:
        """Adds a score to the closed run of its trial.

        Raises:
            LookupError: the run could not be written yet; the score is tried again after it.
        """
        number, score = test.number, test.score
        if number not in self._run_of:
            raise LookupError(f"trial {number} has no run yet to write its test score to")
        if self._tested.get(number) == score.digest:
            return
        facts = _tags({TEST_LINES_TAG: str(score.lines), TEST_DIGEST_TAG: score.digest})
        metrics = _metrics({"test_accuracy": score.accuracy, "test_cer": score.cer})
        self._client.log_batch(self._run_of[number], metrics=metrics, tags=facts)
        self._tested[number] = score.digest


def _params(values: Mapping[str, Any]) -> list[Any]:
    from mlflow.entities import Param

    return [Param(key, str(value)[:6000]) for key, value in values.items()]


def _tags(values: Mapping[str, str]) -> list[Any]:
    from mlflow.entities import RunTag

    return [RunTag(key, value[:LONGEST_TAG]) for key, value in values.items()]


def _metrics(values: Mapping[str, float], step: int = 0, at_ms: int | None = None) -> list[Any]:
    from mlflow.entities import Metric

    at_ms = int(time.time() * 1000) if at_ms is None else at_ms
    return [Metric(key, value, at_ms, step) for key, value in values.items()]


def _epoch_metrics(epochs: list[EpochMetric]) -> list[Any]:
    from mlflow.entities import Metric

    return [Metric(metric.name, metric.value, metric.ended_ms, metric.epoch) for metric in epochs]
