"""Checkpoints: the state of a training on disk, replaced atomically and loaded only by the training that wrote it.

A file begins with one line of text that has the SHA-256 of the rest, since torch does not notice flipped bits in the weights.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from trainers.base.atomic_write import atomic_write

CHECKPOINT_NAME = "checkpoint.pt"
"""Name of the checkpoint in a trial's folder."""
HEADER = b"paretext checkpoint, sha256 "
"""Beginning of the first line; the hash and a line end follow it."""
FIRST_BYTES_OF_A_ZIP = b"PK"
"""How a checkpoint begins that an earlier version wrote: torch's file alone, without a hash."""


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
    data = buffer.getvalue()
    with atomic_write(folder / CHECKPOINT_NAME) as path:
        path.write_bytes(HEADER + hashlib.sha256(data).hexdigest().encode() + b"\n" + data)


def load_checkpoint(folder: Path, identity: str, on_damage: Callable[[str], None] | None = None) -> dict[str, Any] | None:
    """Loads the state of a training.

    Args:
        folder: the trial's folder.
        identity: identifies the training, as for `save_checkpoint`.
        on_damage: called with one line if there is a checkpoint that is damaged.

    Returns:
        The state with its tensors on the CPU, or None when there is no checkpoint, or it is damaged or another training's.
    """
    try:
        content = (folder / CHECKPOINT_NAME).read_bytes()
    except FileNotFoundError:
        return None
    try:
        checkpoint = torch.load(io.BytesIO(_checked(content)), map_location="cpu", weights_only=True)
        known, state = checkpoint["identity"], checkpoint["state"]
    except Exception as error:  # damaged files make torch, zipfile and pickle raise almost anything
        if on_damage is not None:
            on_damage(
                f"the checkpoint in {folder} is damaged ({str(error).splitlines()[0] if str(error) else type(error).__name__})"
            )
        return None
    return state if known == identity else None


def checkpoint_identity(folder: Path) -> str | None:
    """The identity of the training in a folder; None if it has no checkpoint, or a damaged one."""
    try:
        content = (folder / CHECKPOINT_NAME).read_bytes()
        identity = torch.load(io.BytesIO(_checked(content)), map_location="cpu", weights_only=True)["identity"]
    except Exception:  # as in `load_checkpoint`
        return None
    return identity if isinstance(identity, str) else None


def _checked(content: bytes) -> bytes:
    """torch's part of a checkpoint file.

    Raises:
        ValueError: its hash is not the recorded one.
    """
    if content.startswith(FIRST_BYTES_OF_A_ZIP):
        return content
    header, _, data = content.partition(b"\n")
    if header != HEADER + hashlib.sha256(data).hexdigest().encode():
        raise ValueError("its content does not have the recorded hash")
    return data
