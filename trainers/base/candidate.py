"""What a finished trial is: an architecture, the file it became, and what was measured on that file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture


@dataclass(frozen=True)
class Measurement:
    """Read from the exported file, never from the torch module.

    Attributes:
        accuracy: share of validation lines read without a fault, in [0, 1].
        cer: total edits divided by total characters of the truth, 0 and up.
        size_bytes: the file on disk.
        latency_ms: median time of one line alone, one thread.
        parameters: learnable weights of the torch module as trained (after pruning).
        lines: validation lines read.
        flops: multiply-adds of one image of 3 x 32 x 320, enlarged in proportion for taller input (after pruning).
    """

    accuracy: float
    cer: float
    size_bytes: int
    latency_ms: float
    parameters: int
    lines: int
    flops: int | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Measurement:
        return cls(**values)


@dataclass(frozen=True)
class Candidate:
    """One point that may come to lie on the front.

    Attributes:
        architecture: what it is.
        measurement: what it is worth.
        model: the ONNX file.
        also: the same weights stored in other precisions, each a candidate of its own; without further ones.
    """

    architecture: Architecture
    measurement: Measurement
    model: Path
    also: tuple[Candidate, ...] = ()

    def in_folder(self, folder: Path) -> Candidate:
        """The same, once its files have been moved to a folder."""
        return replace(self, model=folder / self.model.name, also=tuple(other.in_folder(folder) for other in self.also))

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `from_dict` gives the candidate back."""
        values: dict[str, Any] = {
            "architecture": self.architecture.as_dict(),
            "measurement": self.measurement.as_dict(),
            "model": str(self.model),
        }
        return values | ({"also": [other.as_dict() for other in self.also]} if self.also else {})

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Candidate:
        return cls(
            Architecture.from_dict(values["architecture"]),
            Measurement.from_dict(values["measurement"]),
            Path(values["model"]),
            tuple(cls.from_dict(other) for other in values.get("also", ())),
        )
