"""Exports a trained network in one or several precisions, and measures each file.

Decisions:
- torch exports the graph once for all precisions; storing it in a precision takes a tenth of that time.
- The fp32 graph must give the same text as the torch network on validation lines (`COMPARED_LINES`); the first difference fails
  the trial. Not on all: the network and a file of its own have to read each of these lines besides.
  Where no fp32 file is to be stored, one is written to a temporary folder for this check: other precisions round the weights,
  so what they read differently says nothing about the graph.
"""

from __future__ import annotations

import copy
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from search_space.architecture import Architecture
from search_space.counting import flops
from search_space.fusing import fuse_in_place
from search_space.recognizer import Recognizer
from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault, UserError
from trainers.data.dataset import LineDataset
from trainers.evaluation.measure import measure, read_all
from trainers.evaluation.metrics import evenly_spaced
from trainers.export.onnx_file import graph_of, write
from trainers.export.parity import check_same_text
from trainers.export.trained_metadata import metadata_of
from trainers.inference.model_metadata import ModelMetadata
from trainers.inference.reader import Reader
from trainers.training.loop import TrainingResult

FLOPS_HEIGHT_PX, FLOPS_WIDTH_PX = 32, 320
"""Size of the image whose multiply-adds are counted; the width grows in proportion for taller input."""

COMPARED_LINES = 500
"""Validation lines at most, evenly spaced, in which the text of the graph is compared with that of the network."""


class ModelFiles:
    """Exports and measures the files of one trained network.

    Args:
        trained: result of the training.
        architecture: the architecture that was trained.
        prepared: the dataset; its validation lines are read with each file.
        normaliser: name of the normaliser of its labels.
        threads: number of CPU threads for reading the validation lines; latency is measured with one.
    """

    def __init__(
        self, trained: TrainingResult, architecture: Architecture, prepared: LineDataset, normaliser: str, threads: int
    ) -> None:
        self._recognizer, self._architecture, self._prepared = trained.recognizer, architecture, prepared
        self._normaliser, self._threads, self._lineage = normaliser, threads, trained.lineage
        exported = fuse_in_place(copy.deepcopy(trained.recognizer))
        self._weights = learnable_weights(exported)
        width_px = FLOPS_WIDTH_PX * architecture.height_px // FLOPS_HEIGHT_PX
        self._flops = flops(exported, architecture.height_px, width_px).whole
        self._graph: Any = None
        self._is_compared = False

    def of(self, recognizer: Recognizer) -> ModelFiles:
        """The files of the same trained network with other weights, whose parameters and FLOPs stay those of the training.

        Args:
            recognizer: in eval mode, on the CPU; its branches may be merged.
        """
        other = copy.copy(self)
        other._recognizer, other._graph, other._is_compared = recognizer, None, False
        return other

    def candidate(self, precision: str, path: Path) -> Candidate:
        """Exports the file of one precision, and measures it.

        Args:
            precision: "fp32", "fp16" or another of `trainers.export.precision`.
            path: file to write.

        Returns:
            The architecture in the precision of the file, with its measurement and the file. The precision is another than
            was asked for where that takes fewer bytes (`onnx_file.finished`).

        Raises:
            TrainingFault: the export failed, ONNX Runtime cannot run the file, or the graph in fp32 reads a line differently
                from the network.
            OSError: the file could not be written.
        """
        architecture = self._architecture.with_(precision=precision)
        metadata = metadata_of(self._recognizer, architecture, self._prepared, self._normaliser, self._lineage)
        try:
            if self._graph is None:
                self._graph = graph_of(self._recognizer, metadata.height_px)
            write(self._graph, path, metadata, precision)
            if precision != "fp32" and not self._is_compared:
                self._compare_in_fp32(metadata)
        except (RuntimeError, TypeError, ValueError) as error:
            raise TrainingFault("export", f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
        except UserError as error:
            raise TrainingFault("export", str(error)) from error
        try:
            return self._measured(architecture, path)
        except UserError as error:  # nobody asked for this file: ONNX Runtime cannot run the network
            raise TrainingFault("export", str(error)) from error

    def _compare_in_fp32(self, metadata: ModelMetadata) -> None:
        """Compares the graph with the network, in a file that is not kept."""
        with TemporaryDirectory() as folder:
            reader = Reader(write(self._graph, Path(folder) / "fp32.onnx", metadata), self._threads)
            lines = self._prepared.validation
            self._compare(reader, reader.texts([lines.image(i) for i in self._compared_lines]))

    @property
    def _compared_lines(self) -> list[int]:
        return evenly_spaced(len(self._prepared.validation), COMPARED_LINES)

    def _compare(self, reader: Reader, readings: list[str]) -> None:
        """Compares the network with what a file reads in `_compared_lines`."""
        check_same_text(self._recognizer, reader, self._prepared.validation, readings, self._compared_lines)
        self._is_compared = True

    def _measured(self, architecture: Architecture, path: Path) -> Candidate:
        """Measures an exported file, and compares it with the network if it is in fp32."""
        lines, reader = self._prepared.validation, Reader(path, self._threads)
        readings = read_all(reader, lines)
        if architecture.precision == "fp32" and not self._is_compared:
            self._compare(reader, [readings[i] for i in self._compared_lines])
        measurement = measure(path, lines, self._weights, self._threads, self._flops, readings)
        asked, found = architecture.precision, reader.network.metadata["precision"]
        return Candidate(
            architecture.with_(precision=found), measurement, path, asked_precision=None if found == asked else asked
        )


def learnable_weights(recognizer: Any) -> int:
    """Number of learnable parameters, without those of auxiliary losses, which are not exported."""
    return sum(p.numel() for name, p in recognizer.named_parameters() if not name.startswith("auxiliary."))
