"""Registers a candidate as a new model version in MLflow's model registry and sets the alias `champion` to it.

Decisions:
- A model version does not need Paretext: it consists of the ONNX file and one Python file, made from the reader's source.
- A candidate must pass the gate (`studies.registry.promotion_gate`). It is compared with the champion while the lock is held,
  so that it is compared with the champion that it replaces.
- A file is registered once: a version that has it already becomes the champion again.
- The alias is set only after the new version has read the same text from an example image as the candidate's file.
- In MLflow the last process that sets an alias wins, so a promotion holds a lock from reading the old champion on.
- A file is promoted only if it still has the SHA-256 with which it was measured.
- The number of the previous champion, the comparison and the measurements become tags of the new version. All changes of the
  champion are recorded (`studies.registry.champion_changes`), so a promotion can be undone (`studies.registry.rollback`).
- The ONNX file is registered as it was measured; test scores are metadata of the version (`studies.registry.model_card`).
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from studies.definition.model_address import parse_address
from studies.registry.champion_changes import CHALLENGER, set_champion
from studies.registry.example_image import example_png_base64
from studies.registry.mlflow_client import open_mlflow
from studies.registry.model_card import facts_of, facts_of_verdict
from studies.registry.model_package import read_as_served
from studies.registry.new_version import create_version, describe_again
from studies.registry.promoted_version import Outcome, PromotedVersion
from studies.registry.promotion_gate import Gate, Verdict
from studies.registry.registered_models import (
    champion_version,
    champions_of,
    check_name_is_known,
    file_of_version,
    next_version,
    version_with_file,
)
from studies.registry.registered_version import RegisteredVersion
from studies.storage.front_point import FrontPoint
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.base.file_lock import locked
from trainers.base.images import decode_image
from trainers.inference.reader import Reader

if TYPE_CHECKING:
    from mlflow import MlflowClient

DIGEST_TAG = "sha256"
"""Tag of a version that `promote` has registered: the hash of its file."""
_MODEL_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")


def promote(
    point: FrontPoint, model: str, workspace: Workspace, study: str | None, gate: Gate | None = None
) -> PromotedVersion:
    """Registers a candidate as a new version of `model` and makes it the champion, if the gate lets it pass.

    Args:
        point: the candidate.
        model: name of the registered model, which is created if it does not exist.
        workspace: the workspace folder that holds the registry.
        study: name of the study that the candidate comes from; None for one that was trained by itself
            (`studies.registry.training_point`).
        gate: compares it with the champion; None promotes it without a comparison, and the tags say so.

    Raises:
        UserError: the name is not allowed, the candidate's file is missing or has changed since it was measured, or the gate
            has refused it; nothing has changed.
        RuntimeError: the registered file reads an example image differently; the champion has not changed.
    """
    gate = gate or Gate(None, force=True)
    file = Path(point.model)
    digest = _check(point, file, model, study)
    metadata = Reader(file).metadata
    parent = metadata.lineage.get("parent")
    with locked(workspace.lock("registry")):
        if gate.dry_run and not workspace.holds_models:
            return PromotedVersion.of(point, study, model, 1, None, digest, parent).with_(dry_run=True)
        client = open_mlflow(workspace)
        before, same = champion_version(client, model), version_with_file(client, workspace, model, digest)
        found = PromotedVersion.of(point, study, model, same or next_version(client, model), before, digest, parent)
        found = found.with_(dry_run=gate.dry_run)
        if before is not None and same == before:
            return found.with_(outcome="unchanged")
        facts = facts_of(point, study, digest, before, metadata.lineage, metadata.data_digest)
        if before is not None:
            verdict = gate.judge(file, before, lambda: file_of_version(client, workspace, model, before))
            found = found.with_(outcome=_outcome(gate, verdict, found), gate=verdict.reason, comparison=verdict.comparison)
            facts |= facts_of_verdict(verdict, found.alias)
        if gate.dry_run:
            return found
        version = describe_again(client, model, same, point, study, facts) if same else None
        if version is None:
            version = create_version(client, workspace, point, file, model, facts)
        own = same is None and workspace.tracking is None
        _check_same_reading(RegisteredVersion.of(client, version, workspace), file, digest, own)
        return _set_alias(client, found.with_(version=int(version.version)))


def _outcome(gate: Gate, verdict: Verdict, found: PromotedVersion) -> Outcome:
    """What becomes of a candidate.

    Raises:
        UserError: the gate refuses it, and neither its promotion nor its registration was asked for nevertheless.
    """
    if verdict.passes:
        return "promoted"
    if gate.force:
        return "forced"
    if gate.challenger:
        return "challenger"
    what = "the training" if found.study is None else f"trial {found.trial} of '{found.study}'"
    lines = "" if verdict.comparison else ", --data SOURCE compares them on lines that you name"
    raise UserError(
        f"{what} does not become the champion of '{found.model}': {verdict.reason}. --challenger registers it beside the "
        f"champion{lines}, --force promotes it nevertheless"
    )


def _set_alias(client: MlflowClient, made: PromotedVersion) -> PromotedVersion:
    """Sets the alias of a promoted version, and returns the version."""
    if made.outcome == "challenger":
        client.set_registered_model_alias(made.model, CHALLENGER, str(made.version))
        return made
    set_champion(client, made.model, made.version, made.previous_version, "forced" if made.outcome == "forced" else "promoted")
    return made


def find(workspace: Workspace, address: str) -> RegisteredVersion:
    """Finds the model version of a URI.

    Args:
        workspace: the workspace folder that holds the registry.
        address: `models:/NAME@ALIAS` or `models:/NAME/VERSION`.

    Raises:
        UserError: the URI has another form, or there is no such model version; the message suggests the nearest name.
    """
    wanted = parse_address(address)
    name = check_name_is_known(wanted.name, workspace)
    from mlflow.exceptions import MlflowException

    client = open_mlflow(workspace)
    try:
        if wanted.alias:
            found = client.get_model_version_by_alias(name, wanted.alias)
        else:
            found = client.get_model_version(name, wanted.version)
    except MlflowException:
        versions = sorted(int(v.version) for v in client.search_model_versions(f"name = '{name}'"))
        missing = f"alias '{wanted.alias}'" if wanted.alias else f"version {wanted.version}"
        raise UserError(f"model '{name}' has no {missing}; its versions are {versions}") from None
    return RegisteredVersion.of(client, found, workspace)


def newest_champion(workspace: Workspace) -> RegisteredVersion:
    """Finds the version that became a champion last, among the champions of all registered models.

    Raises:
        UserError: no model has been promoted yet.
    """
    if workspace.holds_models:
        client = open_mlflow(workspace)
        for name, number in champions_of(client):
            version = client.get_model_version(name, str(number))
            if DIGEST_TAG in version.tags:  # one of another program has no hash, and may be anything
                return RegisteredVersion.of(client, version, workspace)
    raise UserError("no model has been promoted yet; run 'paretext promote STUDY', or name a file with --model FILE.onnx")


def _check(point: FrontPoint, file: Path, model: str, study: str | None) -> str:
    """Checks the name and that the file is the one that was measured; returns its SHA-256."""
    if not _MODEL_NAME.fullmatch(model):
        raise UserError(
            f"'{model}' is not a valid model name; use up to 80 letters, digits, '.', '_' or '-', and a letter or digit first"
        )
    if not file.is_file():
        what = "the training" if study is None else f"trial {point.trial} of '{study}'"
        raise UserError(f"the file of {what} no longer exists: {file}")
    if file.stat().st_size != point.size_bytes:
        raise UserError(f"{file} has changed since it was measured: it has {file.stat().st_size} bytes, not {point.size_bytes}")
    digest = file_sha256(file)
    if point.sha256 is not None and digest != point.sha256:
        raise UserError(
            f"{file} has changed since it was measured: its SHA-256 is {digest[:12]}… and not {point.sha256[:12]}…; the disk "
            f"may have damaged it: promote another trial, or restore the file from a copy"
        )
    return digest


def _check_same_reading(registered: RegisteredVersion, file: Path, digest: str, own: bool) -> None:
    """Checks that the registered file is the measured one and reads the same text from an example image.

    Args:
        registered: the version.
        file: the measured file.
        digest: its SHA-256.
        own: whether this process has written the folder. The code of a folder that comes from a server is not run.

    Raises:
        UserError: the copy in the registry is damaged.
        RuntimeError: the file or the reading differs.
    """
    import base64

    copy = registered.checked_file()
    if registered.tags["sha256"] != digest:
        raise RuntimeError(f"the registered file {copy} is not the one that was measured; the champion has not changed")
    image = base64.b64decode(example_png_base64(Reader(file).metadata.charset))
    (expected,) = Reader(file).read([decode_image(image)])
    found = read_as_served(registered.folder, image) if own else registered.read([image])[0]
    if found != expected:
        raise RuntimeError(
            f"version {registered.version} reads {found} but its file reads {expected}; the champion has not changed"
        )
