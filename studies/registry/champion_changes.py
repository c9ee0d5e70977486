"""The history of a registered model: which version was the champion from when on.

Decisions:
- Each change is a tag of the registered model of its own, whose key has the time. MLflow's alias says only which version is the
  champion now, and a rollback leaves no trace in it.
- A champion that was set by another program, such as MLflow's own pages, is part of the history. It has no tag: it is
  known by the next change, which begins with another champion than the last one has ended with, or by the alias as it is now.
- A rollback goes back to the champion before. So the changes are read as a stack: a promotion puts a version on it, a rollback
  takes versions off it until the one that it went back to is on top.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from mlflow import MlflowClient

CHAMPION = "champion"
"""The alias of the model version that is in use."""
CHALLENGER = "challenger"
"""The alias of a version that was registered although the gate has refused it (`studies.registry.promotion_gate`)."""
PREFIX = "paretext.champion."
"""Beginning of the keys of the tags that hold the changes; the time follows."""

Reason = Literal["promoted", "forced", "rolled back", "set elsewhere"]
"""Why a version became the champion: the gate let it pass, `--force`, `paretext rollback`, or another program."""


@dataclass(frozen=True)
class ChampionChange:
    """A version that became the champion.

    Attributes:
        time: when, in UTC, as ISO 8601; None if that is not known.
        version: number of the version.
        before: number of the champion before; None if there was none.
        reason: why.
    """

    time: str | None
    version: int
    before: int | None
    reason: Reason

    def as_dict(self) -> dict[str, Any]:
        """The attributes as values that JSON can hold."""
        return asdict(self)


def set_champion(client: MlflowClient, model: str, version: int, before: int | None, reason: Reason) -> ChampionChange:
    """Makes a version the champion and records the change; it is no challenger any more. The caller holds the registry's lock.

    Args:
        client: of the registry.
        model: name of the registered model.
        version: number of the version.
        before: number of the champion before; None if there is none.
        reason: why.
    """
    change = ChampionChange(datetime.now(UTC).isoformat(timespec="microseconds"), version, before, reason)
    client.set_registered_model_alias(model, CHAMPION, str(version))
    if int(client.get_registered_model(model).aliases.get(CHALLENGER, 0)) == version:
        client.delete_registered_model_alias(model, CHALLENGER)
    client.set_registered_model_tag(model, f"{PREFIX}{change.time}".replace("+00:00", "Z"), json.dumps(change.as_dict()))
    return change


def champion_changes(client: MlflowClient, model: str) -> list[ChampionChange]:
    """All changes of a model's champion, oldest first; the last one names the champion of now.

    Versions that were promoted before changes were recorded are taken from the tag `previous_version` of the champion.
    """
    registered = client.get_registered_model(model)
    written = sorted((key, value) for key, value in registered.tags.items() if key.startswith(PREFIX))
    changes = _with_set_elsewhere([ChampionChange(**json.loads(value)) for _, value in written])
    if CHAMPION not in registered.aliases:
        return changes
    now = int(registered.aliases[CHAMPION])
    if changes and changes[-1].version != now:
        changes.append(ChampionChange(None, now, changes[-1].version, "set elsewhere"))
    return changes or _unrecorded(client, model, now)


def champion_since_ms(tags: Mapping[str, str], champion: int, registered_ms: int) -> int:
    """When a version became the champion, in milliseconds since 1970.

    Nobody knows when another program has set the alias. Then it counts as set when the version was registered, and so does one
    from before changes were recorded.

    Args:
        tags: of the registered model.
        champion: number of the version that is the champion now.
        registered_ms: when that version was registered, in milliseconds since 1970.
    """
    last = max((key for key in tags if key.startswith(PREFIX)), default=None)
    if last is None:
        return registered_ms
    try:
        change = ChampionChange(**json.loads(tags[last]))
        recorded_ms = int(1000 * datetime.fromisoformat(change.time or "").timestamp())
    except (TypeError, ValueError):  # a tag that somebody has edited is no reason to find no model at all
        return registered_ms
    return recorded_ms if change.version == champion else registered_ms


def _with_set_elsewhere(recorded: Sequence[ChampionChange]) -> list[ChampionChange]:
    """The recorded changes, oldest first, and between them those that another program has made."""
    changes: list[ChampionChange] = []
    for change in recorded:
        if changes and change.before not in (None, changes[-1].version):
            changes.append(ChampionChange(None, change.before, changes[-1].version, "set elsewhere"))
        changes.append(change)
    return changes


def champion_before(changes: Sequence[ChampionChange]) -> int | None:
    """The version that a rollback of the last champion goes back to; None if there is none."""
    stack: list[int] = []
    for change in changes:
        if not stack and change.before is not None:
            stack.append(change.before)
        if change.reason == "rolled back" and change.version in stack:
            del stack[len(stack) - stack[::-1].index(change.version) :]
        else:
            stack.append(change.version)
    return stack[-2] if len(stack) > 1 else None


def _unrecorded(client: MlflowClient, model: str, champion: int) -> list[ChampionChange]:
    """The changes up to a champion that was promoted before changes were recorded, as its versions' tags tell them."""
    before = {int(v.version): v.tags.get("previous_version") for v in client.search_model_versions(f"name = '{model}'")}
    chain: list[ChampionChange] = []
    version = champion
    while version in before and version not in {change.version for change in chain}:
        earlier = before[version]
        chain.append(ChampionChange(None, version, None if earlier is None else int(earlier), "promoted"))
        if earlier is None:
            break
        version = int(earlier)
    return chain[::-1]
