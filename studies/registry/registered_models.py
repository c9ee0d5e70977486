"""Looks up names, versions and files of registered models."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from search_space.catalog import nearest
from studies.registry.champion_changes import CHAMPION, champion_since_ms
from studies.registry.mlflow_client import open_mlflow
from studies.registry.registered_version import RegisteredVersion
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient


def names(workspace: Workspace) -> list[str]:
    """Returns the names of all registered models."""
    if not workspace.holds_models:
        return []
    return [str(model.name) for model in open_mlflow(workspace).search_registered_models(max_results=1000)]


def check_name_is_known(name: str, workspace: Workspace) -> str:
    """Returns the name of a registered model.

    Raises:
        UserError: there is no such model; the message has the nearest name.
    """
    known = names(workspace)
    if name not in known:
        there = f"known: {', '.join(known)}" if known else "no model is registered yet; 'paretext promote STUDY' registers one"
        raise UserError(f"no registered model is called '{name}'{nearest(name, known)} ({there})")
    return name


def champion_version(client: MlflowClient, model: str) -> int | None:
    """Returns the version number of a model's champion; None if there is no such model or it has no champion."""
    for known in client.search_registered_models(f"name = '{model}'"):
        if CHAMPION in known.aliases:
            return int(known.aliases[CHAMPION])
    return None


def champions_of(client: MlflowClient) -> list[tuple[str, int]]:
    """Name and version of the champion of each registered model, the one that became the champion last first."""
    found = []
    for model in client.search_registered_models(max_results=1000):
        if CHAMPION in model.aliases:
            number = int(model.aliases[CHAMPION])
            registered_ms = int(client.get_model_version(model.name, str(number)).creation_timestamp)
            found.append((champion_since_ms(model.tags, number, registered_ms), str(model.name), number))
    return [(name, number) for _, name, number in sorted(found, reverse=True)]


def version_with_file(client: MlflowClient, workspace: Workspace, model: str, digest: str) -> int | None:
    """The newest version of a model that has a file of this hash, undamaged; None if there is none."""
    versions = client.search_model_versions(f"name = '{model}'")
    for found in sorted(versions, key=lambda version: -int(version.version)):
        if found.tags.get("sha256") == digest:
            with contextlib.suppress(UserError):  # its file is missing or damaged
                file_of_version(client, workspace, model, int(found.version))
                return int(found.version)
    return None


def file_of_version(client: MlflowClient, workspace: Workspace, model: str, version: int) -> Path:
    """The file of a version.

    Raises:
        UserError: it is missing or damaged, or was not registered by `promote`.
    """
    return RegisteredVersion.of(client, client.get_model_version(model, str(version)), workspace).checked_file()


def next_version(client: MlflowClient, model: str) -> int:
    """The number that MLflow gives to the next version of a model."""
    return 1 + max((int(found.version) for found in client.search_model_versions(f"name = '{model}'")), default=0)
