"""A trained reader as another training finds it: what can be known of it besides its weights, and what it reads.

It is an exported .onnx file or a weights file. Nothing in either can run code.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from search_space.architecture import Architecture, RefusedArchitecture
from trainers.base.errors import UserError
from trainers.base.preprocess import Contrast
from trainers.batching.collate import DecodedLines
from trainers.data.arrays import LineArrays
from trainers.evaluation.measure import score_file
from trainers.evaluation.metrics import Score
from trainers.evaluation.validation import validate
from trainers.export.relative_of_file import relative_of_file
from trainers.inference.model_metadata import decode_metadata
from trainers.inference.onnx_session import OnnxSession
from trainers.inherit.weights_file import SUFFIX, read_weights


@dataclass(frozen=True)
class KnownReader:
    """What is known of a trained reader.

    Attributes:
        file: where it is.
        architecture: of its network, in the precision of the file.
        charset: the characters that it writes.
        normaliser: name of the normaliser of its labels; None if unknown.
        contrast: how its pixels become numbers; None if unknown.
        lineage_epochs: that its ancestors were trained, without its own epochs.
    """

    file: Path
    architecture: Architecture
    charset: tuple[str, ...]
    normaliser: str | None = None
    contrast: Contrast | None = None
    lineage_epochs: int = 0

    @classmethod
    def of(cls, file: Path) -> KnownReader:
        """Reads what a file says of itself.

        Raises:
            UserError: there is no such file, Paretext did not write it, or its network is not one of this version.
        """
        if file.suffix.lower() == SUFFIX:
            relative, _ = read_weights(file)
            return cls(file, relative.architecture, relative.charset)
        found = decode_metadata(OnnxSession(file).metadata, str(file))
        try:
            architecture = Architecture.from_dict(found.architecture)
        except RefusedArchitecture as refused:
            raise UserError(f"the network of {file} cannot be built: {refused}") from None
        epochs = int(found.lineage.get("lineage_epochs", 0))
        return cls(file, architecture, found.charset, found.normaliser, found.contrast, epochs)

    def check_weights(self, lines: DecodedLines) -> None:
        """Checks that the weights can be taken out of the file, which is not so for all networks and versions.

        Args:
            lines: at least one, at the height of its architecture.

        Raises:
            UserError: they cannot.
        """
        if self.file.suffix.lower() == SUFFIX:
            read_weights(self.file)
        else:
            relative_of_file(self.file, lines, at_most=1)

    def score(self, lines: LineArrays, threads: int = 1) -> Score:
        """What it reads of some lines.

        Args:
            lines: at the height of its architecture.
            threads: for reading.
        """
        if self.file.suffix.lower() != SUFFIX:
            return score_file(self.file, lines, threads)
        relative, _ = read_weights(self.file)
        network = relative.network()
        network.contrast = self.contrast or "even"  # what all recipes but `seed` train with
        return validate(network, lines, relative.charset)
