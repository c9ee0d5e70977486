"""Decodes logits to text greedily, in numpy. Training, the reader of exported files and measurements all use this code.

Decisions:
- Index 0 is the blank (CTC) or the end of the line (attention); index k is charset symbol k - 1.
- The confidence estimates the probability that the whole line is right: each run of equal best indices counts once, with its
  most probable step, and the runs are multiplied. A product over all steps would be low for a long line only because of the
  uncertain steps between its symbols.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Decoding = Literal["ctc", "attention"]


def collapse(best: NDArray[np.integer], decoding: Decoding) -> list[NDArray[np.integer]]:
    """Decodes rows of best indices to the indices of text.

    Args:
        best: (N, T) index of the most probable class of each step.
        decoding: "ctc" (merge repeats, remove blanks) or "attention" (everything before the first 0).

    Returns:
        The indices of text, 1 or more, of each row.
    """
    if decoding == "attention":
        ends = np.where((best == 0).any(axis=1), (best == 0).argmax(axis=1), best.shape[1])
        return [row[:end] for row, end in zip(best, ends, strict=True)]
    kept = best != 0
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    return [row[keep] for row, keep in zip(best, kept, strict=True)]


def confidences(best: NDArray[np.integer], logits: NDArray[np.float32], decoding: Decoding) -> NDArray[np.float64]:
    """The probability that each whole line is right, in [0, 1].

    Args:
        best: (N, T) index of the most probable class of each step.
        logits: (N, T, V).
        decoding: as in `collapse`.
    """
    peak = logits.max(axis=2)
    sums = np.exp(logits - peak[:, :, None]).sum(axis=2, dtype=np.float64)
    log_probability = -np.log(sums)  # of the best class, whose logit is the peak
    if decoding == "attention":
        counted = np.cumsum(best == 0, axis=1) - (best == 0) == 0  # up to and with the end
        return np.asarray(np.exp(np.where(counted, log_probability, 0.0).sum(axis=1)))
    found = np.empty(len(best))
    for n, (row, line) in enumerate(zip(best, log_probability, strict=True)):
        starts = np.flatnonzero(np.r_[True, row[1:] != row[:-1]])
        found[n] = np.exp(np.maximum.reduceat(line, starts).sum())
    return found


def spell(indices: Sequence[int] | NDArray[np.integer], symbols: Sequence[str]) -> str:
    """The text of decoded indices; indices beyond the charset (the marks of an attention head) are ignored."""
    return "".join(symbols[i - 1] for i in indices if 0 < i <= len(symbols))


def read_texts(logits: NDArray[np.float32], symbols: Sequence[str], decoding: Decoding) -> list[str]:
    """The text of each line; arguments as those of `read_logits`."""
    return _texts(logits.argmax(axis=2), symbols, decoding)


def read_logits(logits: NDArray[np.float32], symbols: Sequence[str], decoding: Decoding) -> list[tuple[str, float]]:
    """The text and the confidence of each line.

    Args:
        logits: (N, T, V) of lines without padding beyond their canonical width.
        symbols: the charset in order.
        decoding: as in `collapse`.
    """
    best = logits.argmax(axis=2)
    return list(zip(_texts(best, symbols, decoding), confidences(best, logits, decoding).tolist(), strict=True))


def _texts(best: NDArray[np.integer], symbols: Sequence[str], decoding: Decoding) -> list[str]:
    return [spell(row, symbols) for row in collapse(best, decoding)]
