"""Codes a trained network again, after its training: to fill a size, or as coarsely as a loss of accuracy allows.

The weights come from an exported file (`trainers.export.plain`), so no checkpoint is needed. The new file is measured like any
other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from search_space.architecture import Architecture, RefusedArchitecture
from search_space.coded_precision import MOST_PERCENT
from trainers.base.candidate import Candidate, Measurement
from trainers.base.errors import UserError
from trainers.data.arrays import LineArrays
from trainers.evaluation.measure import are_right, measure, read_all
from trainers.evaluation.uncertainty import SIGNIFICANCE, mcnemar_p
from trainers.export.onnx_file import write_bytes
from trainers.export.plain import plain_graph
from trainers.export.rate_control import CodedFile, coarsest_allowed, coded_file, finest_within
from trainers.inference.reader import Reader


class Recoding:
    """A trained network whose weights can be coded again.

    Args:
        model: an exported file; one with fp32 weights is best, since weights that are rounded twice lose more.

    Raises:
        UserError: the file cannot be read, or this version cannot build its network.
    """

    def __init__(self, model: Path) -> None:
        self._model = model
        self._graph, self._metadata = plain_graph(model), Reader(model).metadata
        try:
            self._architecture = Architecture.from_dict(self._metadata.architecture)
        except RefusedArchitecture as refused:
            raise UserError(f"the network of {model} cannot be built: {refused}") from None

    def within_size(self, limit_bytes: int) -> CodedFile | None:
        """The finest coding that fits a size; None if none does."""
        return finest_within(self._graph, self._metadata, limit_bytes)

    @property
    def least_bytes(self) -> int:
        """Bytes of the smallest file that its weights can be coded to."""
        return len(self.with_step(MOST_PERCENT).data)

    def within_loss(
        self, lines: LineArrays, loss: float | None = None, expected: Sequence[bool] | None = None
    ) -> CodedFile | None:
        """The coarsest coding that loses little; None if even the finest loses more.

        Args:
            lines: that the files are compared with.
            loss: fraction of the lines that may be read worse, in [0, 1]. None: none that McNemar's test sees (`SIGNIFICANCE`).
            expected: which lines the file reads that it is compared with (`right`); None: the file that it is made from.
        """
        expected = right(self._model, lines) if expected is None else expected

        def is_allowed(file: CodedFile) -> bool:
            with tempfile.TemporaryDirectory() as folder:
                found = right(write_bytes(file.data, Path(folder) / "coded.onnx"), lines)
            lost = sum(before and not now for before, now in zip(expected, found, strict=True))
            won = sum(now and not before for before, now in zip(expected, found, strict=True))
            if loss is None:
                return won >= lost or mcnemar_p(lost, won) >= SIGNIFICANCE
            return lost - won <= loss * len(expected)

        return coarsest_allowed(self._graph, self._metadata, is_allowed)

    def with_step(self, percent: int) -> CodedFile:
        """The coding with a step, in percent."""
        return coded_file(self._graph, self._metadata, percent)

    def candidate(self, file: CodedFile, path: Path, lines: LineArrays, before: Measurement) -> Candidate:
        """Writes a coded file and measures it.

        Args:
            file: from `within_size` or `within_loss`.
            path: where to write.
            lines: that it is measured with.
            before: of the file that it is made from; parameters and FLOPs are the same.
        """
        write_bytes(file.data, path)
        precision = Reader(path).network.metadata["precision"]
        measured = measure(path, lines, before.parameters, flops=before.flops)
        asked = None if precision == file.precision else file.precision
        measured = replace(measured, finish_lines=before.finish_lines)
        return Candidate(self._architecture.with_(precision=precision), measured, path, asked_precision=asked)


def right(path: Path, lines: LineArrays) -> list[bool]:
    """Whether a file reads each line without an error."""
    return are_right(lines, read_all(Reader(path), lines))
