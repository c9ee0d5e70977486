"""Answers questions about MLflow's database of a workspace folder without importing MLflow, which takes seconds.

It only reads. A database that is missing, or whose tables have other names, has no answer: the callers show less then.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from contextlib import closing
from typing import Any

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


def champions(workspace: Workspace) -> list[tuple[str, int]]:
    """Name and version of the champion of each registered model, the one that became the champion last first."""
    tags: dict[str, dict[str, str]] = {}
    for name, key, value in _rows(workspace, MODEL_TAGS):
        tags.setdefault(str(name), {})[str(key)] = str(value)
    found = [
        (champion_since_ms(tags.get(str(name), {}), int(version), int(registered_ms)), str(name), int(version))
        for name, version, registered_ms in _rows(workspace, CHAMPIONS)
    ]
    return [(name, version) for _, name, version in sorted(found, reverse=True)]


def runs_of_studies(workspace: Workspace) -> dict[str, list[str]]:
    """Name of each study to the IDs of its MLflow runs, which are also the names of their folders of artifacts."""
    found: dict[str, list[str]] = {}
    for run, study in _rows(workspace, RUNS):
        found.setdefault(str(study), []).append(str(run))
    return found


def _rows(workspace: Workspace, query: str) -> Iterable[tuple[Any, ...]]:
    if not workspace.mlflow_file.is_file():
        return []
    try:
        with closing(sqlite3.connect(f"{workspace.mlflow_file.as_uri()}?mode=ro", uri=True, timeout=5)) as connection:
            return connection.execute(query).fetchall()
    except sqlite3.Error:
        return []
