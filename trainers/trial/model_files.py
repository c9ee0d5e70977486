"""The files of one training: its weights, stored in one precision after another, each file measured.

Decisions:
- Torch works the graph out once; storing it in a precision takes a tenth of that.
- fp32 must give the same text as torch on all validation lines, or the trial fails with the first difference.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from search_space.architecture import Architecture
from search_space.counting import flops
from trainers.base.candidate import Candidate
from trainers.base.errors import TrainingFault
from trainers.data.dataset import LineDataset
from trainers.evaluation.measure import measure, read_all
from trainers.export.onnx_file import graph_of, write
from trainers.export.parity import check_same_text
from trainers.export.trained import facts_of
from trainers.inference.reader import Reader
from trainers.training.loop import Trained

FLOPS_HEIGHT_PX, FLOPS_WIDTH_PX = 32, 320
"""The image whose multiply-adds are counted; taller ones are enlarged in proportion."""


class Files:
    """Makes and measures them.

    Args:
        trained: the network.
        architecture: what was trained.
        prepared: the lines; those of validation measure.
        normaliser: name of what texts went through.
        threads: that reading all lines may use.
    """

    def __init__(
        self, trained: Trained, architecture: Architecture, prepared: LineDataset, normaliser: str, threads: int
    ) -> None:
        self._recognizer, self._architecture, self._prepared = trained.recognizer, architecture, prepared
        self._normaliser, self._threads = normaliser, threads
        self._weights = learnable_weights(trained.recognizer)
        width_px = FLOPS_WIDTH_PX * architecture.height_px // FLOPS_HEIGHT_PX
        self._flops = flops(trained.recognizer, architecture.height_px, width_px).whole
        self._graph: Any = None

    def candidate(self, precision: str, path: Path) -> Candidate:
        """Writes the file of one precision, and measures it.

        Raises:
            TrainingFault: it cannot be made, or an fp32 file reads otherwise than the network.
        """
        architecture = self._architecture.with_(precision=precision)
        facts = facts_of(self._recognizer, architecture, self._prepared, self._normaliser)
        try:
            if self._graph is None:
                self._graph = graph_of(self._recognizer, facts.height_px)
            write(self._graph, path, facts, precision)
        except (RuntimeError, OSError, TypeError, ValueError) as error:
            raise TrainingFault("export", f"{type(error).__name__}: {str(error).splitlines()[0]}") from error
        lines, reader = self._prepared.validation, Reader(path, self._threads)
        readings = read_all(reader, lines)
        if precision == "fp32":
            check_same_text(self._recognizer, reader, lines, readings)
        return Candidate(architecture, measure(path, lines, self._weights, self._threads, self._flops, readings), path)


def learnable_weights(recognizer: Any) -> int:
    """Learnable weights that the exported file has a use for."""
    return sum(p.numel() for name, p in recognizer.named_parameters() if not name.startswith("auxiliary."))
