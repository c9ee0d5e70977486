"""Answers questions about MLflow's database without importing MLflow, which takes seconds, unless it is on a server.

It only reads. A database that is missing, or whose tables have other names, has no answer: the callers show less then.
"""

from __future__ import annotations

import socket
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from studies.registry.champion_changes import champion_since_ms
from studies.workspace.paths import Workspace

CHAMPIONS = """
SELECT alias.name, alias.version, version.creation_time FROM registered_model_aliases AS alias
JOIN model_versions AS version ON version.name = alias.name AND version.version = alias.version
WHERE alias.alias = 'champion'
"""
"""The champion of each registered model, and when that version was registered."""
MODEL_TAGS = "SELECT name, key, value FROM registered_model_tags"
"""The tags of all registered models."""
RUNS = "SELECT run_uuid, value FROM tags WHERE key = 'paretext.study'"
"""The MLflow runs of each study."""
CONNECTION_S = 2.0
"""How long a server may take to take a connection: longer than one in another country needs."""
PORTS = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
"""Ports of servers whose tracking URI names none."""


def champions(workspace: Workspace) -> list[tuple[str, int]]:
    """Name and version of the champion of each registered model, the one that became the champion last first.

    Raises:
        UserError: MLflow is on a server that does not answer.
    """
    file = workspace.mlflow_database
    if file is None:
        from studies.registry.mlflow_client import open_mlflow
        from studies.registry.registered_models import champions_of

        return champions_of(open_mlflow(workspace))
    tags: dict[str, dict[str, str]] = {}
    for name, key, value in _rows(file, MODEL_TAGS):
        tags.setdefault(str(name), {})[str(key)] = str(value)
    found = [
        (champion_since_ms(tags.get(str(name), {}), int(version), int(registered_ms)), str(name), int(version))
        for name, version, registered_ms in _rows(file, CHAMPIONS)
    ]
    return [(name, version) for _, name, version in sorted(found, reverse=True)]


def runs_of_studies(workspace: Workspace) -> dict[str, list[str]]:
    """Name of each study to the IDs of its MLflow runs in the workspace, which also name their folders of artifacts."""
    found: dict[str, list[str]] = {}
    for run, study in _rows(workspace.mlflow_file, RUNS):
        found.setdefault(str(study), []).append(str(run))
    return found


def is_reachable(workspace: Workspace) -> bool:
    """Whether the host of MLflow's server takes connections; MLflow itself waits for one that is gone, for up to minutes.

    It is also true where MLflow is a file, or where the tracking URI has no host and port.
    """
    try:
        parts = urlsplit(workspace.mlflow_uri)
        port = parts.port or PORTS.get(parts.scheme.partition("+")[0])
        if parts.hostname and port:
            socket.create_connection((parts.hostname, port), timeout=CONNECTION_S).close()
    except (OSError, ValueError):  # ValueError: the URI is none
        return False
    return True


def _rows(file: Path, query: str) -> Iterable[tuple[Any, ...]]:
    if not file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []
