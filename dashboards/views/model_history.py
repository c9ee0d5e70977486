"""The history of a registered model as text: its versions, and which of them was the champion from when on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studies.registry.champion_changes import ChampionChange
    from studies.registry.rollback import ModelHistory, VersionSummary
    from studies.workspace.paths import Workspace


def history_lines(history: ModelHistory) -> list[str]:
    """All versions, oldest first, then all changes of the champion."""
    lines = [f"model '{history.model}'"]
    for version in history.versions:
        names = "".join(f", {alias}" for alias in version.aliases)
        lines.append(
            f"  version {version.version}{names}: {_origin(version)}, {_measured(version)}; {_minute(version.registered)}"
        )
        remark = version.tags.get("forced", version.tags.get("gate"))
        lines += [] if remark is None else [f"    {remark}"]
    return [*lines, "champions", *(f"  {line}" for line in _changes(history.changes))]


def champion_lines(workspace: Workspace) -> list[str]:
    """The registered models of a workspace with their champions; nothing where there is none.

    Raises:
        UserError: MLflow is on a server that does not answer.
    """
    from studies.registry.quick_look import champions

    found = champions(workspace)
    if not found:
        return []
    return [
        "registered models (paretext models NAME shows the history):",
        *(f"  {name}: champion is version {version}" for name, version in found),
        "",
    ]


def _changes(changes: Iterable[ChampionChange]) -> list[str]:
    lines = []
    for change in changes:
        before = "" if change.before is None else f" instead of version {change.before}"
        lines.append(
            f"{_minute(change.time) if change.time else 'time not known'}: version {change.version}{before}, {change.reason}"
        )
    return lines or ["none"]


def _origin(version: VersionSummary) -> str:
    tags = version.tags
    if "sha256" not in tags:
        return "registered by another program"
    return f"study {tags['study']}, trial {tags.get('trial')}" if "study" in tags else "trained by 'paretext train'"


def _measured(version: VersionSummary) -> str:
    """Accuracy and size."""
    from dashboards.views.console import accuracy_words
    from search_space import write_size

    tags = version.tags
    if "accuracy" not in tags or "bytes" not in tags:
        return "not measured"
    accuracy = accuracy_words(float(tags["accuracy"]), int(tags.get("validation_lines", 0)))
    return f"{accuracy} of validation lines, {write_size(int(tags['bytes']))}"


def _minute(time: str) -> str:
    """A time in ISO 8601 to the minute."""
    return f"{time[:16].replace('T', ' ')} UTC"
