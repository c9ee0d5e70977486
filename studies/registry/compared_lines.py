"""Which lines a candidate and a champion are compared on.

Decisions:
- Test lines are the default where there are some. A candidate was chosen among many by the validation lines, and is less
  accurate elsewhere than on them; a champion from another study was not. No search has seen the test lines.
- Both models read the same lines with the same labels, those of the candidate: its normaliser is applied to them. Each model
  gets them at its own input height.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.data.dataset import prepare
from trainers.data.held_out import open_held_out
from trainers.data.opener import LineOpener
from trainers.data.source_registry import split_sources
from trainers.data.spec import DataSpec

Part = Literal["test", "validation"]
"""Lines of a study or of a training."""


@dataclass(frozen=True)
class ComparedLines:
    """Labelled lines that two models are compared on.

    Attributes:
        spec: the data that the lines are part of; `training` has the whole source if the user has named one.
        cache_folder: folder of decoded lines.
        part: which of the lines; None takes the test lines or, if there are none, the validation lines.
        named: whether the user has named a source, all of whose lines are compared.
    """

    spec: DataSpec
    cache_folder: Path
    part: Part | None = None
    named: bool = False

    @classmethod
    def of_source(cls, source: str, normaliser: str, cache_folder: Path) -> ComparedLines:
        """All lines of a source that the user has named.

        Args:
            source: one source of data, or several joined by `;`.
            normaliser: name of the normaliser of its labels.
            cache_folder: folder of decoded lines.
        """
        return cls(DataSpec(training=source, normaliser=normaliser), cache_folder, named=True)

    def at(self, height_px: int) -> tuple[LineArrays, str]:
        """Opens the lines.

        Args:
            height_px: input height of the model that reads them.

        Returns:
            The lines, and what to call them.

        Raises:
            UserError: they are not there any more, or there are none.
        """
        spec = self.spec.with_(height_px=height_px, rendered=None)  # drawn lines are trained on and never compared on
        if self.named:
            return LineOpener(spec, self.cache_folder).open(split_sources(spec.training)), f"lines of {spec.training}"
        dataset = prepare(spec, self.cache_folder)
        held_out = None if self.part == "validation" else open_held_out(dataset, self.cache_folder)
        if held_out is not None:
            return held_out.lines, "test lines"
        if self.part == "test":
            raise UserError("there are no test lines")
        return dataset.validation, "validation lines"
