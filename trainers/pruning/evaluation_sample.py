"""The training lines by which channels are chosen: some recalibrate BatchNorm, accuracy is measured on others.

Decisions:
- Validation lines are not used, because they measure the pruned network later and would favour a choice that was made by them.
  EagleEye's published code uses training images as well.
- The lines for accuracy are spaced evenly over the training lines, the same ones every time. They do not recalibrate.
- In a training, the accuracy is that of characters and not of lines, because few lines are free of errors at that time.

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
    """A subset of decoded lines.

    Attributes:
        lines: all lines.
        chosen: indices of the lines in the subset.
    """

    lines: DecodedLines
    chosen: Sequence[int]

    @property
    def widths(self) -> NDArray[np.integer]:
        return self.lines.widths[list(self.chosen)]

    @property
    def weights(self) -> NDArray[np.floating] | None:
        return None if self.lines.weights is None else self.lines.weights[list(self.chosen)]

    @property
    def normaliser(self) -> str:
        return self.lines.normaliser

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
    """The lines for accuracy and for recalibration.

    Attributes:
        lines: training lines.
        symbols: the charset, in order.
        recalibration_lines: largest number of lines for recalibration; 0 uses all that are not used for accuracy.
        read_lines: number of lines for accuracy, at most half of all; 0 uses half of them.
        counts_characters: True measures the accuracy of characters, False that of lines.
    """

    lines: DecodedLines
    symbols: Sequence[str]
    recalibration_lines: int = 256
    read_lines: int = 200
    counts_characters: bool = False

    def accuracy(self, recognizer: Recognizer, recalibrated: bool = True) -> float:
        """Measures the accuracy of a network, in [0, 1].

        Args:
            recognizer: the network; recalibration changes it in place.
            recalibrated: whether BatchNorm is recalibrated first.
        """
        read, others = self._parts
        if recalibrated:
            recalibrate(recognizer, others, self.recalibration_lines)
        score = validate(recognizer, read, self.symbols)
        return max(0.0, 1 - score.cer) if self.counts_characters else score.accuracy

    @cached_property
    def _parts(self) -> tuple[LineSubset, LineSubset]:
        """The lines for accuracy, and the lines for recalibration."""
        count = len(self.lines)
        most = max(1, count // 2)
        read = evenly_spaced(count, min(self.read_lines or most, most))
        others = sorted(set(range(count)) - set(read)) or read
        return LineSubset(self.lines, read), LineSubset(self.lines, others)
