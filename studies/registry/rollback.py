"""Makes an earlier version of a registered model the champion again, and lists its versions."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from studies.registry.champion_changes import ChampionChange, champion_before, champion_changes, set_champion
from studies.registry.mlflow_client import open_mlflow
from studies.registry.registered_models import check_name_is_known, file_of_version
from studies.workspace.paths import Workspace
from trainers.base.errors import UserError
from trainers.base.file_lock import locked


@dataclass(frozen=True)
class VersionSummary:
    """A version of a registered model, for a list.

    Attributes:
        version: its number.
        aliases: its aliases, such as `champion`.
        registered: when, in UTC, as ISO 8601.
        tags: what `paretext promote` has recorded of it (`studies.registry.model_card.facts_of`).
        description: where it comes from and how well it reads, in sentences.
    """

    version: int
    aliases: tuple[str, ...]
    registered: str
    tags: dict[str, str]
    description: str


@dataclass(frozen=True)
class ModelHistory:
    """The versions of a registered model and its champions.

    Attributes:
        model: its name.
        versions: all versions, oldest first.
        changes: which version was the champion from when on, oldest first.
    """

    model: str
    versions: tuple[VersionSummary, ...]
    changes: tuple[ChampionChange, ...]

    def as_dict(self) -> dict[str, Any]:
        """The history as values that JSON can hold."""
        return asdict(self)


def history(model: str, workspace: Workspace) -> ModelHistory:
    """Lists the versions of a registered model and the changes of its champion.

    Raises:
        UserError: there is no such model; the message has the nearest name.
    """
    check_name_is_known(model, workspace)
    client = open_mlflow(workspace)
    aliases: dict[int, list[str]] = {}
    for alias, version in client.get_registered_model(model).aliases.items():
        aliases.setdefault(int(version), []).append(alias)
    versions = [
        VersionSummary(
            int(found.version),
            tuple(sorted(aliases.get(int(found.version), ()))),
            datetime.fromtimestamp(found.creation_timestamp / 1000, UTC).isoformat(timespec="seconds"),
            dict(found.tags),
            found.description or "",
        )
        for found in client.search_model_versions(f"name = '{model}'")
    ]
    changes = champion_changes(client, model)
    return ModelHistory(model, tuple(sorted(versions, key=lambda version: version.version)), tuple(changes))


def roll_back(model: str, workspace: Workspace, to: int | None = None) -> ChampionChange:
    """Makes an earlier version the champion again.

    Args:
        model: name of the registered model.
        workspace: holds the registry.
        to: number of the version; None is the champion before the present one.

    Raises:
        UserError: there is no such model or version, no earlier champion, or the file of the version is missing or damaged; the
            champion has not changed.
    """
    check_name_is_known(model, workspace)
    with locked(workspace.lock("registry")):
        client = open_mlflow(workspace)
        changes = champion_changes(client, model)
        now = changes[-1].version if changes else None
        version = champion_before(changes) if to is None else to
        if version is None:
            raise UserError(f"model '{model}' had no champion before; name a version with --to ('paretext models {model}')")
        if version == now:
            raise UserError(f"version {version} of '{model}' is the champion already")
        if version not in {int(found.version) for found in client.search_model_versions(f"name = '{model}'")}:
            raise UserError(f"model '{model}' has no version {version} ('paretext models {model}' lists its versions)")
        file_of_version(client, workspace, model, version)
        return set_champion(client, model, version, now, "rolled back")
