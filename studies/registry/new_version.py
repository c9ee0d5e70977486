"""Creates a model version in MLflow: the logged model with its files, the version, and the links between them and the run.

MLflow's fluent functions would set these links, but they use its global state (`studies.registry.mlflow_client`). The page of
a logged model shows the versions that its tag `mlflow.modelVersions` names, and the metrics that name the model. The page of a
run shows its outputs.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from studies.definition.configuration import recipe_params
from studies.registry.mlflow_client import experiment_id
from studies.registry.model_card import DECISION_FACTS, Facts, as_tags, description_of
from studies.registry.model_package import save_pyfunc_model
from studies.registry.registered_models import names
from studies.registry.run_records import FILE_TAG, KIND_TAG, NOTE_TAG, STUDY_TAG, TRIAL_TAG
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

VERSIONS_TAG = "mlflow.modelVersions"
"""MLflow's tag of a logged model: the versions that are registered of it, as JSON."""
METRICS = ("accuracy", "cer", "size_bytes", "latency_ms", "parameters", "flops", "test_accuracy", "test_cer")
"""Attributes of a candidate that are metrics of its logged model, under the names that they have in the run of its trial."""


def create_version(
    client: MlflowClient, workspace: Workspace, point: FrontPoint, file: Path, model: str, facts: Facts
) -> ModelVersion:
    """Logs the pyfunc model with its files and creates a model version of it.

    Args:
        client: of the registry; hold its lock.
        workspace: holds the registry.
        point: the candidate.
        file: its ONNX file.
        model: name of the registered model, which is created if it does not exist.
        facts: tags of the version (`studies.registry.model_card.facts_of`).
    """
    experiment, tags = experiment_id(client, workspace), as_tags(facts)
    study = None if "study" not in facts else str(facts["study"])
    run_id = _run_of_file(client, experiment, study, point, str(facts["sha256"]))
    params = {key: str(value) for key, value in (point.architecture | recipe_params(point.recipe)).items()}
    lasting = {key: value for key, value in tags.items() if key not in DECISION_FACTS} | {
        NOTE_TAG: description_of(point, study)
    }
    name = model.replace(".", "-")  # MLflow allows dots in the name of a registered model, and not of a logged one
    logged = client.create_logged_model(experiment, name, run_id, lasting, params, model_type="text-line reader")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            save_pyfunc_model(folder, file, logged.model_id, run_id, facts)
            client.log_model_artifacts(logged.model_id, str(folder))
        client.finalize_logged_model(logged.model_id, "READY")
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    if model not in names(workspace):
        client.create_registered_model(model, description="Reads lines of text; made by paretext.")
    # the path of the folder and not models:/…, which MLflow would look up with its global registry URI
    location, description = logged.artifact_location, description_of(point, study, facts)
    version = client.create_model_version(model, location, run_id, tags, description=description, model_id=logged.model_id)
    _link(client, version, run_id, logged.model_id, point)
    return version


def describe_again(
    client: MlflowClient, model: str, version: int, point: FrontPoint, study: str | None, facts: Facts
) -> ModelVersion:
    """Gives a version that is there already the tags and the description of its new promotion.

    Args:
        client: of the registry; hold its lock.
        model: name of the registered model.
        version: number of the version.
        point: the candidate.
        study: name of the study that it comes from; None if it was trained by `paretext train`.
        facts: tags of the version.
    """
    number, tags = str(version), as_tags(facts)
    for key in DECISION_FACTS:
        if key not in tags and key in client.get_model_version(model, number).tags:
            client.delete_model_version_tag(model, number, key)
    for key, value in tags.items():
        client.set_model_version_tag(model, number, key, value)
    return client.update_model_version(model, number, description_of(point, study, facts))


def _link(client: MlflowClient, version: ModelVersion, run_id: str, model_id: str, point: FrontPoint) -> None:
    """Links a logged model with its version and its run, and gives it its metrics."""
    from mlflow.entities import LoggedModelOutput, Metric

    named = json.dumps([{"name": version.name, "version": str(version.version)}])
    client.set_logged_model_tags(model_id, {VERSIONS_TAG: named})
    client.log_outputs(run_id, [LoggedModelOutput(model_id, point.epochs_trained or 0)])
    known, metrics = client.get_run(run_id).data.metrics, []
    for name in METRICS:
        value = getattr(point, name)
        if value is not None:
            # the entry that the run has already, if it has one: the charts of the run get no second point
            entries = client.get_metric_history(run_id, name) if name in known else []
            same = [entry for entry in entries if entry.value == value]
            at, step = (same[-1].timestamp, same[-1].step) if same else (int(time.time() * 1000), point.epochs_trained or 0)
            metrics.append(Metric(name, float(value), at, step, model_id=model_id))
    client.log_batch(run_id, metrics=metrics)


def _run_of_file(client: MlflowClient, experiment: str, study: str | None, point: FrontPoint, sha256: str) -> str:
    """Returns the ID of the run of a file: that of its trial or of an earlier promotion; if there is none, it creates one.

    A model version needs a run: without one, MLflow looks the version up with its global tracking URI, in another database. The
    metrics of the file become metrics of that run. So one that was stored anew, in fewer bytes than the file of its trial,
    gets a run of its own.

    Args:
        client: of the registry.
        experiment: ID of the experiment.
        study: name of the study; None if the file was trained by `paretext train`.
        point: the candidate.
        sha256: hash of its file.
    """
    trial = {} if study is None else {STUDY_TAG: study, TRIAL_TAG: str(point.trial)}
    measured = {"size_bytes": point.size_bytes, "accuracy": point.accuracy}
    for run in _runs_with(client, experiment, {**trial, KIND_TAG: "trial"}) if trial else ():
        if all(run.data.metrics.get(name, value) == value for name, value in measured.items()):
            return str(run.info.run_id)
    tags = {**trial, KIND_TAG: "promotion", FILE_TAG: sha256}
    for run in _runs_with(client, experiment, tags):
        return str(run.info.run_id)
    name = "promote a training" if study is None else f"promote {study} {point.trial}"
    made = client.create_run(experiment, tags=tags, run_name=name)
    client.set_terminated(made.info.run_id)
    return str(made.info.run_id)


def _runs_with(client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> Iterable[Run]:
    """The runs that have all these tags."""
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, value in tags.items())
    return list(client.search_runs([experiment], wanted))
