"""Finds a model that a user names: an exported file, a registered model, or nothing for the newest champion."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from studies.workspace.paths import Workspace

FORMS = "models:/NAME@champion, models:/NAME/VERSION, NAME for its champion, or an exported FILE.onnx"


@dataclass(frozen=True)
class FoundModel:
    """A model that was found.

    Attributes:
        file: its ONNX file; of a registered model, it has the hash that was registered.
        title: what to call it.
        study: name of the study that a registered model comes from; None if that is not recorded.
    """

    file: Path
    title: str
    study: str | None = None


def find_model(text: str | None, workspace: Workspace) -> FoundModel:
    """Finds a model.

    Args:
        text: one of `FORMS`; None is the champion that was promoted last.
        workspace: holds the registry.

    Raises:
        UserError: there is no such file or model, or none has been promoted yet, or its file is damaged.
    """
    registered = text is None or text.startswith("models:")
    if text is not None and not registered and (text.endswith(".onnx") or "/" in text or Path(text).is_file()):
        from trainers.trial.training_record import checked_record

        checked_record(Path(text))
        return FoundModel(Path(text), text)
    from studies.registry.model_registry import find, newest_champion

    if text is None:
        found, alias = newest_champion(workspace), "@champion"
    else:
        found, alias = find(workspace, text if text.startswith("models:") else f"models:/{text}@champion"), ""
    tags = found.tags
    origin = f"study {tags['study']}, trial {tags.get('trial')}" if "study" in tags else "trained by 'paretext train'"
    title = f"models:/{found.model}{alias}, version {found.version} ({origin})"
    return FoundModel(found.checked_file(), title, tags.get("study"))
