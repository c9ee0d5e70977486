"""The result of a finished trial: an architecture, its exported file, and the measurement of that file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from trainers.base.file_digest import file_sha256
from trainers.base.lineage import Lineage
from trainers.base.right_lines import RightLines

READING_CER = 0.5
"""Character error rate from which a model counts as not reading. An empty reading has an error rate of 1; below this value,
most characters are right."""


@dataclass(frozen=True)
class Measurement:
    """The measurement of an exported file.

    All values are taken from the file and not from the torch network, except the parameters and the FLOPs.

    Attributes:
        accuracy: fraction of validation lines read without an error, in [0, 1].
        cer: character error rate: all edits divided by all characters of the labels, 0 and up.
        size_bytes: size of the file in bytes.
        latency_ms: median time to read one line in a batch of its own, with one thread, in milliseconds.
        parameters: number of learnable parameters of the torch network, after pruning.
        lines: number of validation lines read.
        flops: multiply-adds of one image of 3 x 32 x 320, after pruning; taller input has an image enlarged in proportion.
        right_lines: which of the lines the file reads without an error; None when that is not recorded.
        sha256: hash of the file, 64 hexadecimal digits; None when that is not recorded.
        finish_lines: training lines that a finish has shown after the training; None without one.
    """

    accuracy: float
    cer: float
    size_bytes: int
    latency_ms: float
    parameters: int
    lines: int
    flops: int | None = None
    right_lines: RightLines | None = None
    sha256: str | None = None
    finish_lines: int | None = None

    @property
    def reads(self) -> bool:
        """Whether the model reads at all. A model that does not is not a candidate, however small it is."""
        return self.cer < READING_CER

    def as_dict(self) -> dict[str, Any]:
        """The measurement as values that JSON can hold, for `from_dict`."""
        absent = {name for name in ("right_lines", "finish_lines") if getattr(self, name) is None}
        return {name: value for name, value in asdict(self).items() if name not in absent}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measurement:
        """The measurement that `as_dict` returned these values for."""
        right = values.get("right_lines")
        return cls(**{**values, "right_lines": None if right is None else RightLines(**right)})


@dataclass(frozen=True)
class Candidate:
    """A trained, exported and measured architecture, which may be on the Pareto front.

    Attributes:
        architecture: the architecture, with the precision of the file.
        measurement: the measurement of the file.
        model: the ONNX file.
        also: candidates with the same weights in other precisions; theirs is empty.
        lineage: what the network inherited when its training began; None if it began with random weights.
        asked_precision: the precision that was asked for, where the file has another one because that takes fewer bytes.
    """

    architecture: Architecture
    measurement: Measurement
    model: Path
    also: tuple[Candidate, ...] = ()
    lineage: Lineage | None = None
    asked_precision: str | None = None

    @property
    def asked(self) -> Architecture:
        """The architecture with the precision that was asked for."""
        return self.architecture if self.asked_precision is None else self.architecture.with_(precision=self.asked_precision)

    def in_folder(self, folder: Path) -> Candidate:
        """The same candidate with its files in another folder, to which they have been moved."""
        return replace(self, model=folder / self.model.name, also=tuple(other.in_folder(folder) for other in self.also))

    def as_dict(self) -> dict[str, Any]:
        """The candidate as values that JSON can hold, for `from_dict`."""
        values: dict[str, Any] = {
            "architecture": self.architecture.as_dict(),
            "measurement": self.measurement.as_dict(),
            "model": str(self.model),
        }
        if self.lineage is not None:
            values["lineage"] = self.lineage.as_dict()
        if self.asked_precision is not None:
            values["asked_precision"] = self.asked_precision
        return values | ({"also": [other.as_dict() for other in self.also]} if self.also else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        """The candidate that `as_dict` returned these values for."""
        lineage = values.get("lineage")
        return cls(
            Architecture.from_dict(values["architecture"]),
            Measurement.from_dict(values["measurement"]),
            Path(values["model"]),
            tuple(cls.from_dict(other) for other in values.get("also", ())),
            None if lineage is None else Lineage.from_dict(lineage),
            values.get("asked_precision"),
        )


def is_whole(candidate: Candidate) -> bool:
    """Whether a candidate's file is there and is the one that was measured, as far as that is recorded.

    Raises:
        OSError: the file cannot be read.
    """
    recorded = candidate.measurement.sha256
    return candidate.model.is_file() and (recorded is None or file_sha256(candidate.model) == recorded)
