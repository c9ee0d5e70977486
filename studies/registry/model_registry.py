"""Registers a candidate as a new version of a model in MLflow and moves the alias `champion` to it.

Decisions:
- A registered version does not need Paretext: it is the ONNX file and one Python file made from the source of the reader.
- The alias moves only after the new version has given the same reading of an example image as the candidate's file.
- MLflow lets the last writer of an alias win, so a promotion holds a lock from reading the old champion to the end.
- The previous version and the measurements are tags of the new version, so a promotion can be undone.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse
from urllib.request import url2pathname

from search_space.catalog import nearest
from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import experiment_id, open_mlflow
from studies.registry.model_package import load_served, save_served
from studies.registry.run_tracker import KIND_TAG, STUDY_TAG, TRIAL_TAG
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_lock import locked
from trainers.inference.reader import Reader, Reading

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION = "champion"
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_ADDRESS = re.compile(r"models:/([^/@]+)(?:@([^/@]+)|/([0-9]+))")


@dataclass(frozen=True)
class Promoted:
    """A version that has become champion.

    Attributes:
        model: the registered model's name.
        version: the new version.
        previous_version: the champion before; None when there was none.
        address: `models:/NAME@champion`.
        study: where it comes from.
        trial: its number there.
        accuracy: as measured in the study.
        accuracy_low: lower end of its 95 % confidence interval; None when the number of lines is not known.
        accuracy_high: upper end.
        validation_lines: number of lines that it was measured on; 0 when that is not known.
        size_bytes: of the ONNX file.
        sha256: of the ONNX file.
    """

    model: str
    version: int
    previous_version: int | None
    address: str
    study: str
    trial: int
    accuracy: float
    accuracy_low: float | None
    accuracy_high: float | None
    validation_lines: int
    size_bytes: int
    sha256: str

    def as_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


@dataclass(frozen=True)
class Registered:
    """A version in the registry.

    Attributes:
        model: the registered model's name.
        version: its number.
        tags: what promotion wrote: study, trial, accuracy, …
        folder: where MLflow keeps its files.
    """

    model: str
    version: int
    tags: dict[str, str]
    folder: Path

    def read(self, images: Sequence[bytes]) -> list[Reading]:
        """Reads lines as a served process would.

        Args:
            images: the bytes of PNG, JPEG or other image files.
        """
        import pandas as pd  # type: ignore[import-untyped]

        answer = load_served(self.folder).predict(pd.DataFrame({"image": list(images)}))
        return [Reading(str(t), float(c)) for t, c in zip(answer["text"], answer["confidence"], strict=True)]


def promote(point: FrontPoint, model: str, workspace: Workspace, study: str) -> Promoted:
    """Registers a candidate as a new version of `model` and makes it the champion.

    Args:
        point: the candidate.
        model: name of the registered model, made when it is new.
        workspace: whose registry.
        study: the study that the candidate comes from.

    Raises:
        UserError: the model's name cannot be used, or the candidate's file is not there or not the one measured.
    """
    file = Path(point.model)
    _check(point, file, model, study)
    with locked(workspace.lock("registry")):
        client = open_mlflow(workspace)
        before = _champion_version(client, model)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        tags = {
            "study": study,
            "trial": str(point.trial),
            "sha256": digest,
            "bytes": str(point.size_bytes),
            "accuracy": f"{point.accuracy:.6g}",
            "cer": f"{point.cer:.6g}",
        }
        tags |= {"validation_lines": str(point.validation_lines)} if point.validation_lines else {}
        tags |= {} if before is None else {"previous_version": str(before)}
        new = _register(client, workspace, point, file, model, tags)
        _check_reads_alike(_registered(client, new), file, digest)
        client.set_registered_model_alias(model, CHAMPION, new.version)
    low, high = point.accuracy_interval or (None, None)
    return Promoted(
        model=model,
        version=int(new.version),
        previous_version=before,
        address=f"models:/{model}@{CHAMPION}",
        study=study,
        trial=point.trial,
        accuracy=point.accuracy,
        accuracy_low=low,
        accuracy_high=high,
        validation_lines=point.validation_lines,
        size_bytes=point.size_bytes,
        sha256=digest,
    )


def find(workspace: Workspace, address: str) -> Registered:
    """The version behind `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        UserError: another form of address, or nothing there; the message holds the nearest name.
    """
    match = _ADDRESS.fullmatch(address)
    if match is None:
        raise UserError(f"'{address}' is not the address of a model; write models:/NAME@champion or models:/NAME/VERSION")
    name, alias, number = match.groups()
    names = _names(workspace)
    if name not in names:
        there = f"known: {', '.join(names)}" if names else "none is registered yet; make one with 'paretext promote STUDY'"
        raise UserError(f"no model is called '{name}'{nearest(name, names)} ({there})")
    from mlflow.exceptions import MlflowException

    client = open_mlflow(workspace)
    try:
        found = client.get_model_version_by_alias(name, alias) if alias else client.get_model_version(name, number)
    except MlflowException:
        versions = sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
        raise UserError(f"model '{name}' has no {alias or 'version ' + number}; its versions are {versions}") from None
    return _registered(client, found)


def newest_champion(workspace: Workspace) -> Registered:
    """The champion that was promoted last, of all models.

    Raises:
        UserError: there is none.
    """
    champions = []
    for name in _names(workspace):
        client = open_mlflow(workspace)
        number = _champion_version(client, name)
        if number is not None:
            champions.append(client.get_model_version(name, str(number)))
    if not champions:
        raise UserError("no model has been promoted yet; run 'paretext promote STUDY', or name a file with --model FILE.onnx")
    return _registered(client, max(champions, key=lambda v: int(v.creation_timestamp)))


def _check(point: FrontPoint, file: Path, model: str, study: str) -> None:
    if not _MODEL_NAME.fullmatch(model):
        raise UserError(f"'{model}' cannot name a model; use up to 80 letters, digits, '.', '_' or '-', not a sign first")
    if not file.is_file():
        raise UserError(f"the file of trial {point.trial} of '{study}' is not there any more: {file}")
    if file.stat().st_size != point.size_bytes:
        raise UserError(f"{file} has been changed since it was measured: {file.stat().st_size} bytes, not {point.size_bytes}")


def _register(
    client: MlflowClient, workspace: Workspace, point: FrontPoint, file: Path, model: str, tags: dict[str, str]
) -> ModelVersion:
    """Stores the served model's files and makes a version of them."""
    experiment = experiment_id(client, workspace)
    run_id = _run_behind(client, experiment, tags["study"], point.trial)
    params = {key: str(value) for key, value in point.architecture.items()}
    logged = client.create_logged_model(experiment, model, run_id, tags, params, model_type="text-line reader")
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = Path(scratch) / "model"
            save_served(folder, file, logged.model_id, run_id)
            client.log_model_artifacts(logged.model_id, str(folder))
        client.finalize_logged_model(logged.model_id, "READY")
    except BaseException:
        client.finalize_logged_model(logged.model_id, "FAILED")
        raise
    if model not in _names(workspace):
        client.create_registered_model(model, description="Reads lines of text; made by paretext.")
    # the folder itself and not models:/…, which MLflow would look up in the store of its global settings
    return client.create_model_version(model, logged.artifact_location, run_id, tags, model_id=logged.model_id)


def _check_reads_alike(registered: Registered, file: Path, digest: str) -> None:
    """Checks that the registered file is the measured one and gives the same reading of an example image.

    Raises:
        RuntimeError: it is not; the champion is still the one before.
    """
    import base64
    import io

    from PIL import Image

    (kept,) = registered.folder.rglob("*.onnx")
    if hashlib.sha256(kept.read_bytes()).hexdigest() != digest:
        raise RuntimeError(f"the registered file {kept} is not the one that was measured; the champion has not changed")
    reader = Reader(file)
    image = base64.b64decode(example_png_base64(reader.metadata.charset))
    (expected,) = reader.read([Image.open(io.BytesIO(image))])
    (found,) = registered.read([image])
    if found != expected:
        raise RuntimeError(f"version {registered.version} reads {found} where its file reads {expected}; the champion stays")


def _registered(client: MlflowClient, found: ModelVersion) -> Registered:
    location = urlparse(client.get_model_version_download_uri(found.name, found.version))
    folder = Path(url2pathname(location.path))
    if not folder.is_dir():
        raise UserError(f"the files of {found.name} version {found.version} are not there any more: {folder}")
    return Registered(found.name, int(found.version), dict(found.tags), folder)


def _champion_version(client: MlflowClient, model: str) -> int | None:
    """Version number of a model's champion; None when the model or the champion is not there."""
    for known in client.search_registered_models(f"name = '{model}'"):
        if CHAMPION in known.aliases:
            return int(known.aliases[CHAMPION])
    return None


def _names(workspace: Workspace) -> list[str]:
    """All registered models."""
    if not workspace.mlflow_file.exists():
        return []
    return [str(model.name) for model in open_mlflow(workspace).search_registered_models(max_results=1000)]


def _run_behind(client: MlflowClient, experiment: str, study: str, trial: int) -> str:
    """The run that the tracker wrote for a trial; a new one when it could not.

    MLflow looks a version without a run up in the store of its global settings, which is not ours.
    """
    wanted = f"tags.`{STUDY_TAG}` = '{study}' and tags.`{KIND_TAG}` = 'trial' and tags.`{TRIAL_TAG}` = '{trial}'"
    runs = client.search_runs([experiment], wanted, max_results=1)
    if runs:
        return str(runs[0].info.run_id)
    run = client.create_run(experiment, tags={STUDY_TAG: study, KIND_TAG: "promotion"}, run_name=f"promote {study} {trial}")
    client.set_terminated(run.info.run_id)
    return str(run.info.run_id)
