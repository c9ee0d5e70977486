"""Chooses the step of coded weights so that a file fills a size: one training gives a file of any size that is asked for.

Decisions:
- The file itself is written at each step that is tried. Its size falls as the step grows, so eight tries find the finest step.
- No step is finer than `FINEST_PERCENT`, however much room is left: int8 files have no smaller errors.
"""

from __future__ import annotations

import bisect
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from search_space.coded_precision import MOST_PERCENT, coded_precision
from trainers.export.onnx_file import finished
from trainers.inference.model_metadata import ModelMetadata

FINEST_PERCENT = 6
"""Finest step that is tried, 6.2 bits per weight: its errors are those of int8, with some 16 steps in a root mean square."""
STEPS = tuple(sorted({round(FINEST_PERCENT * 2 ** (i / 4)) for i in range(19)}))
"""Steps that are tried for a loss of accuracy, in percent, a quarter of an octave apart: 6 to 136."""


@dataclass(frozen=True)
class CodedFile:
    """A coded file that is not written yet.

    Attributes:
        percent: its step.
        data: its bytes.
    """

    percent: int
    data: bytes

    @property
    def precision(self) -> str:
        """The precision that names its step."""
        return coded_precision(self.percent)


def coded_file(graph: Any, metadata: ModelMetadata, percent: int) -> CodedFile:
    """Codes a network.

    Args:
        graph: fp32, from `onnx_file.graph_of` or `plain.plain_graph`; it is not changed.
        metadata: to be written into the file.
        percent: the step.
    """
    return CodedFile(percent, finished(copy.deepcopy(graph), metadata, coded_precision(percent)))


def finest_within(graph: Any, metadata: ModelMetadata, limit_bytes: int) -> CodedFile | None:
    """The coded file with the finest step that fits a size; None if none does.

    Args:
        graph, metadata: as for `coded_file`.
        limit_bytes: most bytes of the file.
    """
    files: dict[int, CodedFile] = {}

    def fits(percent: int) -> bool:
        files[percent] = coded_file(graph, metadata, percent)
        return len(files[percent].data) <= limit_bytes

    percents = range(FINEST_PERCENT, MOST_PERCENT + 1)
    if not fits(percents[-1]):
        return None
    found = percents[bisect.bisect_left(percents, True, key=fits)]
    return files[found]


def coarsest_allowed(graph: Any, metadata: ModelMetadata, is_allowed: Callable[[CodedFile], bool]) -> CodedFile | None:
    """The coded file with the coarsest step of `STEPS` that is allowed; None if the finest is not.

    Args:
        graph, metadata: as for `coded_file`.
        is_allowed: whether a file reads well enough. If it allows a step, it is expected to allow all finer ones; where it does
            not, the file that is returned is still one that it has allowed.
    """
    files: dict[int, CodedFile] = {}
    allowed: set[int] = set()

    def is_too_coarse(percent: int) -> bool:
        files[percent] = coded_file(graph, metadata, percent)
        if is_allowed(files[percent]):
            allowed.add(percent)
        return percent not in allowed

    bisect.bisect_left(STEPS, True, key=is_too_coarse)
    return files[max(allowed)] if allowed else None
