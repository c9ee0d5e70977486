"""The weights that a new network begins with: those of the first of its parents that can be read.

Decisions:
- A parent whose file is missing, changed or damaged is said in one note, and the next one is taken; without any the weights are
  random. A search does not end because a file was deleted. That there are no starter weights for a backbone is no fault.
- The statistics of BatchNorm are the parent's. They are not measured again, since the first epoch updates them before anything
  is read with them: after one epoch of 15 steps from a network twice as wide, three seeds read with a character error rate of
  0, 0.078 and 0 without and 0, 0.067 and 0 with it, after two epochs alike. Only the starter weights, which have none, are.
- Weights are only ever read from weights files and exported files, neither of which can run code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from search_space.architecture import Architecture
from search_space.recognizer import Recognizer
from trainers.base.errors import UserError
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import PLAIN_NOTE, Ancestor, Lineage
from trainers.base.preprocess import fit_height, scaled_width
from trainers.batching.collate import DecodedLines
from trainers.export.relative_of_file import relative_of_file
from trainers.inference.model_metadata import decode_metadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inherit.inherit import inherit
from trainers.inherit.parent import Parent
from trainers.inherit.relative import Relative
from trainers.inherit.starter import has_starter, starter_for, starter_record
from trainers.inherit.weights_file import SUFFIX, read_weights
from trainers.pruning.recalibrate import recalibrate
from trainers.training.job import TrainingData
from trainers.trial.training_record import record_beside

RECALIBRATION_LINES = 200
"""Training lines with which BatchNorm is measured under starter weights: a second's work, and some 10,000 columns."""


@dataclass(frozen=True)
class InitialWeights:
    """What a network began with.

    Attributes:
        lineage: the parent, its ancestors, and the share that was inherited; None: the weights are random.
        note: one line for the user.
    """

    lineage: Lineage | None
    note: str


def inherit_from_first(network: Recognizer, parents: Sequence[Parent], data: TrainingData) -> InitialWeights:
    """Gives a new network the weights of the first parent that can be read.

    Args:
        network: newly built; changed in place.
        parents: the best first; at least one.
        data: the lines that it will be trained on.
    """
    faults = []
    for parent in parents:
        if parent.file is None and not has_starter(network.architecture):
            continue
        try:
            relative, ancestor, before = _read(parent, network.architecture, data.training)
            share = inherit(network, data.charset.symbols, relative).share
            if parent.file is None:
                recalibrate(network, data.training, RECALIBRATION_LINES)
        except UserError as error:
            faults.append(f"{parent.name} cannot be inherited from: {error}")
            continue
        found = f"{PLAIN_NOTE} {100 * share:.0f} % of its weights from {parent.name}"
        return InitialWeights(Lineage.of(share, ancestor, before), _joined(faults, found))
    return InitialWeights(None, _joined(faults, f"{PLAIN_NOTE} random weights"))


def _joined(faults: Sequence[str], found: str) -> str:
    return "; ".join([*faults, f"it {found}" if faults else found])


def _read(parent: Parent, architecture: Architecture, lines: DecodedLines) -> tuple[Relative, Ancestor, tuple[Ancestor, ...]]:
    """A parent's network, the parent as it is recorded, and its ancestors.

    Args:
        parent: what to read.
        architecture: of the child; the starter has several networks to choose from.
        lines: training lines.

    Raises:
        UserError: it cannot be read, or is another file than was chosen.
    """
    if parent.file is None:
        return _starter(parent, architecture)
    if not parent.file.is_file():
        raise UserError(f"{parent.file} is missing")
    try:
        found = file_sha256(parent.file)
    except OSError as error:
        raise UserError(f"{parent.file} cannot be read: {error.strerror}") from None
    if parent.sha256 not in (None, found):
        raise UserError(f"{parent.file} has changed since it was chosen")
    before: tuple[Ancestor, ...] = ()
    if parent.file.suffix.lower() == SUFFIX:
        relative, kept = read_weights(parent.file)
        before = tuple(Ancestor.from_dict(each) for each in kept.lineage)
    else:
        relative, record = _relative_of_exported(parent.file, lines), record_beside(parent.file, found)
        before = () if record is None or record.lineage is None else record.lineage.ancestors
    return relative, Ancestor(parent.name, relative.architecture.digest, parent.epochs, parent.lines, found), before


def _starter(parent: Parent, architecture: Architecture) -> tuple[Relative, Ancestor, tuple[Ancestor, ...]]:
    """The network of the starter weights that fits an architecture best, as `_read` returns it."""
    relative, record = starter_for(architecture), starter_record(architecture)
    assert relative is not None and record is not None
    weights = record.weights
    return relative, Ancestor(parent.name, relative.architecture.digest, weights.epochs, weights.lines, record.sha256), ()


def _relative_of_exported(file: Path, lines: DecodedLines) -> Relative:
    height_px = decode_metadata(OnnxSession(file).metadata, str(file)).height_px
    same = len(lines) == 0 or lines.image(0).shape[0] == height_px
    return relative_of_file(file, lines if same else _ScaledLines(lines, height_px))


class _ScaledLines:
    """Lines at another height, scaled when they are looked at; implements `DecodedLines`.

    Args:
        lines: all of one height, at least one.
        height_px: the new height.
    """

    def __init__(self, lines: DecodedLines, height_px: int) -> None:
        self._lines, self._height_px = lines, height_px
        before = lines.image(0).shape[0]
        self.widths: NDArray[np.integer] = np.array([scaled_width(int(w), before, height_px) for w in lines.widths])
        self.weights, self.normaliser = lines.weights, lines.normaliser

    def __len__(self) -> int:
        return len(self._lines)

    def text(self, i: int) -> str:
        return self._lines.text(i)

    def image(self, i: int) -> NDArray[np.uint8]:
        return fit_height(self._lines.image(i), self._height_px)

    def is_grey(self, i: int) -> bool:
        return self._lines.is_grey(i)
