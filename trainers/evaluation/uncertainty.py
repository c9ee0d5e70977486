"""How much an accuracy says: its confidence interval, and whether two files differ on the lines that both have read."""

from __future__ import annotations

import math
from typing import Protocol

from trainers.base.right_lines import RightLines

NORMAL_QUANTILE = 1.959963984540054
"""97.5 % quantile of the normal distribution, for intervals of 95 %."""
SIGNIFICANCE = 0.05
"""p-value of McNemar's test below which the lines tell two files apart."""


class Read(Protocol):
    """A measured file: a measurement, or a point of a study.

    Attributes:
        accuracy: fraction of the lines read without an error, in [0, 1].
        right_lines: which lines those are; None when that was not recorded.
    """

    @property
    def accuracy(self) -> float: ...
    @property
    def right_lines(self) -> RightLines | None: ...


def wilson_interval(accuracy: float, lines: int) -> tuple[float, float]:
    """The 95 % confidence interval of an accuracy.

    Unlike the interval from the normal distribution it stays within [0, 1] and has a width when all lines or none are right.

    Args:
        accuracy: fraction of the lines read without an error, in [0, 1].
        lines: number of lines, 1 or more.

    Returns:
        Lower and upper end, in [0, 1].

    Source: Wilson, Probable inference, the law of succession, and statistical inference, JASA 22 (1927).
    """
    squared = NORMAL_QUANTILE**2
    centre = accuracy + squared / (2 * lines)
    half = NORMAL_QUANTILE * math.sqrt(accuracy * (1 - accuracy) / lines + squared / (4 * lines**2))
    scale = 1 + squared / lines
    return max(0.0, (centre - half) / scale), min(1.0, (centre + half) / scale)


def interval_words(low: float, high: float) -> str:
    """An interval of an accuracy in percent, as it stands behind the accuracy: '(95.8-98.6)'."""
    return f"({low * 100:.1f}-{high * 100:.1f})"


def mcnemar_p(only_first: int, only_second: int) -> float:
    """p-value of the exact McNemar test, two-sided: whether two files read the same set of lines equally well.

    Args:
        only_first: number of lines that only the first file reads without an error.
        only_second: number of lines that only the second one does.

    Returns:
        The probability of a difference at least this large when each of these lines is as likely right in one file as in the
        other, in (0, 1].

    Source: McNemar, Note on the sampling error of the difference between correlated proportions, Psychometrika 12 (1947).
    """
    lines = only_first + only_second
    tail: int = sum(math.comb(lines, right) for right in range(min(only_first, only_second) + 1))
    return float(min(1.0, 2 * tail / 2**lines))


def p_of_equal(first: RightLines | None, second: RightLines | None) -> float | None:
    """p-value of McNemar's test of two files that the lines do not tell apart.

    Args:
        first, second: which lines each of them reads; None where that was not recorded.

    Returns:
        The p-value, at least `SIGNIFICANCE`; None when the lines tell the files apart, when the two have read others, and when
        it was not recorded which.
    """
    differences = None if first is None or second is None else first.differences(second)
    p = 0.0 if differences is None else mcnemar_p(*differences)
    return p if p >= SIGNIFICANCE else None


def reads_as_well(file: Read, other: Read) -> bool:
    """Whether a file reads as many lines as another one, or fewer by no more than McNemar's test takes for chance."""
    return file.accuracy >= other.accuracy or p_of_equal(file.right_lines, other.right_lines) is not None
