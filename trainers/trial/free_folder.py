"""Checks that a training that a user starts writes over nothing in its folder.

A search gives each trial a folder of its own; `paretext train --out` takes any, which may hold another training or a file.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.trial.run import CANDIDATE_NAME, MODEL_NAME, TrialJob, training_job

if TYPE_CHECKING:
    from trainers.data.dataset import LineDataset

OTHER = "give another --out FOLDER"
WEIGHTS_NAME = "weights.json"
"""Name of the file with the sampling weights of the sources."""


def check_place(folder: Path) -> None:
    """Checks, without making anything, that a folder is there or can be made.

    Raises:
        UserError: it cannot.
    """
    for place in (folder, *folder.parents):
        if os.path.lexists(place):
            if not place.is_dir():
                raise UserError(f"{place} is a file, so {folder} cannot be a folder to write into; {OTHER}")
            if not os.access(place, os.W_OK | os.X_OK):
                raise UserError(f"{place} may not be written to; {OTHER}")
            return


def make_folder(job: TrialJob) -> None:
    """Makes the folder of a training, and notes there with which weights its sources are sampled: its identity does not say it.

    Raises:
        UserError: it cannot be made.
        OSError: the disk is full.
    """
    try:
        job.folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"folder {job.folder} cannot be made: {error.strerror or error}; {OTHER}") from None
    if not (job.folder / WEIGHTS_NAME).exists() or _kept_weights(job) != _weights(job):
        with atomic_write(job.folder / WEIGHTS_NAME) as temporary:
            temporary.write_text(json.dumps(_weights(job)), encoding="utf-8")


def check_free(job: TrialJob, prepared: LineDataset) -> None:
    """Checks that the folder of a training holds no other one: of other lines, another recipe, seed or architecture.

    Raises:
        UserError: it does, or it holds a model of which nothing says whence it comes.
    """
    from trainers.training.checkpoint import CHECKPOINT_NAME, checkpoint_identity

    identity = training_job(job, prepared).identity
    for known in (checkpoint_identity(job.folder), _identity_of_candidate(job.folder)):
        if known is not None and known != identity and not known.startswith(f"{identity} "):
            raise UserError(f"{job.folder} holds another training: {_difference(known, identity)}; {OTHER}, or remove that one")
    marks = (job.folder / CHECKPOINT_NAME, job.folder / CANDIDATE_NAME)
    if any(mark.exists() for mark in marks) and _kept_weights(job) != _weights(job):
        raise UserError(f"{job.folder} holds another training: its sources have other sampling weights; {OTHER}")
    if (job.folder / MODEL_NAME).exists() and not any(mark.exists() for mark in marks):
        raise UserError(f"{job.folder / MODEL_NAME} is already there, and not by a training in this folder; {OTHER}")


def _weights(job: TrialJob) -> list[float] | None:
    return None if job.data.weights is None else list(job.data.weights)


def _kept_weights(job: TrialJob) -> object:
    """The weights of the training in a folder; those of the job where an earlier version has not noted them."""
    try:
        return json.loads((job.folder / WEIGHTS_NAME).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return _weights(job)


def _identity_of_candidate(folder: Path) -> str | None:
    """The identity of the finished training in a folder; None if there is none, or nothing says so."""
    try:
        known = json.loads((folder / CANDIDATE_NAME).read_text(encoding="utf-8"))["identity"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return known if isinstance(known, str) else None


def _difference(known: str, identity: str) -> str:
    """What differs between two identities (`TrainingJob.identity`), in words."""
    parts = ("its architecture", "its lines", "its recipe", "its number of epochs", "its seed")
    differ = [part for part, a, b in zip(parts, known.split(), identity.split(), strict=False) if a != b]
    verb = "are others" if differ and (len(differ) > 1 or differ == ["its lines"]) else "is another"
    return f"{' and '.join(differ)} {verb}" if differ else "it was made by another version of Paretext"
