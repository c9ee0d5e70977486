"""The training lines that a cut is chosen by: some recalibrate BatchNorm, others are read.

Decisions:
- Validation lines play no part: they measure the pruned network later, and would favour the cut that was chosen by them.
  EagleEye's published code takes training images as well.
- The lines that are read are spread evenly over the training lines, the same ones every time, and recalibrate nothing.
- A training counts the characters that are read right, not the lines: when the cut is made few lines are free of errors.

Source: EagleEye: Fast Sub-net Evaluation for Efficient Neural Network Pruning, 2020 (arXiv:2007.02491).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from search_space.recognizer import Recognizer
from trainers.batching.collate import DecodedLines
from trainers.evaluation.metrics import evenly_spaced
from trainers.evaluation.validation import validate
from trainers.pruning.recalibrate import recalibrate


@dataclass(frozen=True)
class LineSubset:
    """Some of a set of decoded lines, as decoded lines.

    Attributes:
        lines: the whole set.
        chosen: numbers of the lines that are in the subset.
    """

    lines: DecodedLines
    chosen: Sequence[int]

    @property
    def widths(self) -> NDArray[np.integer]:
        return self.lines.widths[list(self.chosen)]

    @property
    def weights(self) -> NDArray[np.floating] | None:
        return None if self.lines.weights is None else self.lines.weights[list(self.chosen)]

    def __len__(self) -> int:
        return len(self.chosen)

    def text(self, i: int) -> str:
        return self.lines.text(self.chosen[i])

    def image(self, i: int) -> NDArray[np.uint8]:
        return self.lines.image(self.chosen[i])

    def is_grey(self, i: int) -> bool:
        return self.lines.is_grey(self.chosen[i])


@dataclass(frozen=True)
class EvaluationSample:
    """What accuracy is read from, and how much of it.

    Attributes:
        lines: training lines.
        symbols: the charset in order.
        recalibration_lines: at most so many recalibrate BatchNorm; 0 means all that are not read.
        read_lines: so many are read, but at most half of the lines; 0 means half of them.
        counts_characters: whether characters that are read right count, instead of lines without an error.
    """

    lines: DecodedLines
    symbols: Sequence[str]
    recalibration_lines: int = 256
    read_lines: int = 200
    counts_characters: bool = False

    def accuracy(self, recognizer: Recognizer, recalibrated: bool = True) -> float:
        """Share of lines, or of characters, that are read right, in [0, 1].

        Args:
            recognizer: changed in place when it is recalibrated.
            recalibrated: whether BatchNorm is recalibrated first.
        """
        read, others = self._parts
        if recalibrated:
            recalibrate(recognizer, others, self.recalibration_lines)
        score = validate(recognizer, read, self.symbols)
        return max(0.0, 1 - score.cer) if self.counts_characters else score.accuracy

    @cached_property
    def _parts(self) -> tuple[LineSubset, LineSubset]:
        """The lines that are read, and those that recalibrate."""
        count = len(self.lines)
        most = max(1, count // 2)
        read = evenly_spaced(count, min(self.read_lines or most, most))
        others = sorted(set(range(count)) - set(read)) or read
        return LineSubset(self.lines, read), LineSubset(self.lines, others)
