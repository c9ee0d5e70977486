"""Logits to text, greedily, in numpy: the same code reads in training, in the exported file's reader and in measurement.

Decisions:
- Index 0 is the blank (CTC) or the end of the line (attention); index k is charset symbol k - 1.
- The confidence estimates the probability that the whole line is right: each run of equal best indices counts once, with its
  surest step, and the runs multiply. A product over all steps would doubt a long line merely for its soft borders.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Decoding = Literal["ctc", "attention"]


def collapse(best: NDArray[np.integer], decoding: Decoding) -> list[NDArray[np.integer]]:
    """Symbols in rows of best indices.

    Args:
        best: (N, T) index of the likeliest class of each step.
        decoding: "ctc" (merge repeats, drop blanks) or "attention" (all before the first 0).

    Returns:
        For each row the indices that are text, 1 or above.
    """
    if decoding == "attention":
        ends = np.where((best == 0).any(axis=1), (best == 0).argmax(axis=1), best.shape[1])
        return [row[:end] for row, end in zip(best, ends, strict=True)]
    kept = best != 0
    kept[:, 1:] &= best[:, 1:] != best[:, :-1]
    return [row[keep] for row, keep in zip(best, kept, strict=True)]


def confidences(best: NDArray[np.integer], logits: NDArray[np.float32], decoding: Decoding) -> NDArray[np.float64]:
    """How likely each line is right as a whole, in [0, 1].

    Args:
        best: (N, T) index of the likeliest class of each step.
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
    """Text of decoded indices; an index beyond the charset (an attention head's own marks) spells nothing."""
    return "".join(symbols[i - 1] for i in indices if 0 < i <= len(symbols))


def read_logits(logits: NDArray[np.float32], symbols: Sequence[str], decoding: Decoding) -> list[tuple[str, float]]:
    """Text and confidence of each line.

    Args:
        logits: (N, T, V) of lines without padding beyond their canonical width.
        symbols: the charset in order.
        decoding: as in `collapse`.
    """
    best = logits.argmax(axis=2)
    texts = [spell(row, symbols) for row in collapse(best, decoding)]
    return list(zip(texts, confidences(best, logits, decoding).tolist(), strict=True))
