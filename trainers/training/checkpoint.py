"""Where a training stands, on disk: written whole or not at all, and never taken for another training's."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import TrainingFault

CHECKPOINT_NAME = "checkpoint.pt"


def save_checkpoint(folder: Path, identity: str, state: dict[str, Any]) -> None:
    """Replaces the folder's checkpoint in one step; a process killed at any moment leaves the old one or the new one.

    Args:
        folder: the trial's folder; made when missing.
        identity: which training this is; `load_checkpoint` gives the state to no other.
        state: tensors, numbers, texts, and lists and dicts of them.

    Raises:
        TrainingFault: the disk does not take it ("error").
    """
    try:
        with atomic_write(folder / CHECKPOINT_NAME) as path, path.open("wb") as file:
            torch.save({"identity": identity, "state": state}, file)
    except OSError as error:
        raise TrainingFault("error", f"checkpoint in {folder} could not be written: {error}") from error


def load_checkpoint(folder: Path, identity: str) -> dict[str, Any] | None:
    """The state of this very training, on the CPU, or None: no checkpoint, a damaged one, or another training's."""
    try:
        held = torch.load(folder / CHECKPOINT_NAME, map_location="cpu", weights_only=True)
        if held["identity"] != identity:
            return None
        state: dict[str, Any] = held["state"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        return None
    return state
