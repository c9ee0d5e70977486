"""A parent: trained weights that a new network begins with. The value names them; nothing is loaded here.

This module does not import torch, so that a driver describes hundreds of trials fast.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from trainers.base.lineage import Ancestor


@dataclass(frozen=True)
class Parent:
    """Trained weights that a new network begins with.

    Attributes:
        name: as records show it: "starter", "trial 12", "models:/reader/3", "study signs, trial 4", or the name of a file.
        file: a weights file (`trainers.inherit.weights_file`) or an exported .onnx file; None: the starter weights of the
            package.
        sha256: hash of the file when it was chosen, 64 hexadecimal digits; another file of that name is not used. None is not
            compared.
        epochs: that the weights were trained, those of their own parents included.
        lines: training lines that were shown meanwhile, each time counted.
        cer: character error rate on its own validation lines, 0 and up; None if unknown.
        architecture: of the network; None if that is only known from the file.
    """

    name: str
    file: Path | None = None
    sha256: str | None = None
    epochs: int = 0
    lines: int = 0
    cer: float | None = None
    architecture: Architecture | None = None

    @property
    def ancestor(self) -> Ancestor:
        """The parent as its children record it."""
        digest = None if self.architecture is None else self.architecture.digest
        return Ancestor(self.name, digest, self.epochs, self.lines, self.sha256)

    def as_dict(self) -> dict[str, Any]:
        """The parent as values that JSON can hold, for `from_dict`."""
        return {
            "name": self.name,
            "file": None if self.file is None else str(self.file),
            "sha256": self.sha256,
            "epochs": self.epochs,
            "lines": self.lines,
            "cer": self.cer,
            "architecture": None if self.architecture is None else self.architecture.as_dict(),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Parent:
        """The parent that `as_dict` returned these values for."""
        file, architecture = values.get("file"), values.get("architecture")
        made = {
            "file": None if file is None else Path(file),
            "architecture": None if architecture is None else Architecture.from_dict(architecture),
        }
        return cls(**{**values, **made})
