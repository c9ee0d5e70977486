"""Starter weights: the trained weights of the package, which a new network may begin with.

Decisions:
- One file for each family of backbones, with one network of full width for each combination of neck, encoder and attention.
  Its first channels were trained as narrower networks (`Relative.nested`), and `inherit` cuts these out of it.
- The network that has most in common with a new one is taken: the same encoder first, since the head reads it, then the same
  neck or one that reads the same maps of the backbone, then the same attention.
- Files are read at the first use, and kept: several trials of one process begin with them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch

from search_space.architecture import Architecture
from search_space.necks import necks
from search_space.recognizer import build_recognizer
from trainers.base.errors import UserError
from trainers.base.regular_file import read_regular
from trainers.inherit.family_file import MOST_BYTES, SharedNetwork, WeightsFamily, decode_family
from trainers.inherit.relative import Relative
from trainers.inherit.weights_file import WeightsRecord

FOLDER = Path(__file__).with_name("starter_weights")
"""Where the package has its files, one for each backbone, named after it."""
SUFFIX = ".family"
"""Ending of their names."""
NAME = "starter"
"""Name of these weights as a parent, in records and in the study file."""


@dataclass(frozen=True)
class StarterRecord:
    """What is known about the starter weights of a backbone.

    Attributes:
        sha256: of their file.
        weights: how they came about.
        card: data, fonts and licences, command, and what the weights read by themselves, as plain JSON.
    """

    sha256: str
    weights: WeightsRecord
    card: Mapping[str, Any]


def starter_for(architecture: Architecture, folder: Path = FOLDER) -> Relative | None:
    """The starter weights that fit an architecture best.

    Its BatchNorm statistics are not known: call `trainers.pruning.recalibrate.recalibrate` with training lines on a network
    that has inherited them, unless it is trained anyway before it is read.

    Args:
        architecture: of a new network.
        folder: of the files.

    Returns:
        None if there are none for its backbone.

    Raises:
        UserError: the file is damaged.
    """
    file = _file_for(architecture, folder)
    if file is None:
        return None
    family, _ = _read(file)
    return _relative(file, closest(family, architecture))


def closest(family: WeightsFamily, architecture: Architecture) -> int:
    """The index of the network of a family that has most in common with an architecture."""
    return max(range(len(family.networks)), key=lambda i: (_likeness(family.networks[i].architecture, architecture), -i))


def relative_from(shared: SharedNetwork, charset: tuple[str, ...]) -> Relative:
    """A network of a family as a relative: complete, with BatchNorm statistics as in a new network.

    Raises:
        ValueError: its tensors have other names or sizes than those of this version.
    """
    with torch.random.fork_rng(devices=[]):
        state = build_recognizer(shared.architecture, len(charset)).state_dict()
    parameters = {name for name in state if not name.endswith((".running_mean", ".running_var", ".num_batches_tracked"))}
    if {name: state[name].shape for name in parameters} != {name: tensor.shape for name, tensor in shared.parameters.items()}:
        raise ValueError("its tensors have other names or sizes")
    return Relative(shared.architecture, charset, {**state, **shared.parameters}, nested=True)


def has_starter(architecture: Architecture) -> bool:
    """Whether the package has starter weights for the backbone of an architecture."""
    return _file_for(architecture, FOLDER) is not None


def starter_record(architecture: Architecture, folder: Path = FOLDER) -> StarterRecord | None:
    """What is known about the starter weights that `starter_for` gives; None if there are none.

    Raises:
        UserError: the file is damaged.
    """
    file = _file_for(architecture, folder)
    if file is None:
        return None
    family, sha256 = _read(file)
    return StarterRecord(sha256, family.record, family.card)


def _file_for(architecture: Architecture, folder: Path) -> Path | None:
    """The file with weights for a backbone; None if there is none. The name of one of timm's is no file name."""
    file = folder / f"{architecture.backbone}{SUFFIX}"
    return file if "/" not in architecture.backbone and file.exists() else None


@cache
def _read(file: Path) -> tuple[WeightsFamily, str]:
    try:
        content = read_regular(file, MOST_BYTES)
    except (OSError, UserError) as error:
        raise UserError(f"{file} cannot be read ({error}); install Paretext again") from None
    family = decode_family(content, str(file))
    if not family.networks:
        raise UserError(f"{file} is damaged (it has no network); install Paretext again")
    return family, hashlib.sha256(content).hexdigest()


@cache
def _relative(file: Path, index: int) -> Relative:
    family, _ = _read(file)
    try:
        return relative_from(family.networks[index], family.charset)
    except ValueError as error:
        raise UserError(f"{file} is of another version ({error}); install Paretext again") from None


def _likeness(one: Architecture, other: Architecture) -> tuple[bool, bool, bool, bool]:
    """How much two networks of one backbone have in common; larger is more."""
    maps = [None if a.neck == "none" else necks[a.neck].tap for a in (one, other)]
    return one.encoder == other.encoder, one.neck == other.neck, maps[0] == maps[1], one.attention == other.attention
