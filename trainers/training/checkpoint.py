"""Checkpoints: the state of a training on disk, replaced atomically and loaded only by the training that wrote it."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import torch

from trainers.base.atomic_write import atomic_write

CHECKPOINT_NAME = "checkpoint.pt"
"""Name of the checkpoint in a trial's folder."""


def save_checkpoint(folder: Path, identity: str, state: dict[str, Any]) -> None:
    """Replaces the folder's checkpoint atomically: a process killed at any moment leaves the old one or the new one.

    Args:
        folder: the trial's folder; created when missing.
        identity: identifies the training (`TrainingJob.identity`); `load_checkpoint` returns the state for this identity only.
        state: tensors, numbers, strings, and lists and dicts of them.

    Raises:
        OSError: the file could not be written, for example because the disk is full.
    """
    buffer = io.BytesIO()  # torch would hide a full disk behind a RuntimeError
    torch.save({"identity": identity, "state": state}, buffer)
    with atomic_write(folder / CHECKPOINT_NAME) as path:
        path.write_bytes(buffer.getbuffer())


def load_checkpoint(folder: Path, identity: str) -> dict[str, Any] | None:
    """Loads the state of a training.

    Args:
        folder: the trial's folder.
        identity: identifies the training, as for `save_checkpoint`.

    Returns:
        The state with its tensors on the CPU, or None when there is no checkpoint, or it is damaged or another training's.
    """
    try:
        checkpoint = torch.load(folder / CHECKPOINT_NAME, map_location="cpu", weights_only=True)
        if checkpoint["identity"] != identity:
            return None
        state: dict[str, Any] = checkpoint["state"]
    except (OSError, RuntimeError, KeyError, TypeError, EOFError, pickle.UnpicklingError):
        return None
    return state
