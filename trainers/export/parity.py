"""Does the exported file read what the trained network reads? Line by line, on the whole validation set.

Decisions:
- Text is compared, not numbers: text is what ships.
- Where torch's two best classes are as good as equal, rounding decides, and neither text is wrong; only a difference at a
  step with a clear best is a fault.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from trainers.decode import read_logits
from trainers.export.onnx_file import ready
from trainers.faults import TrainingFault
from trainers.feed import Lines
from trainers.geometry import to_input
from trainers.reader import Reader, equal_widths

TIE = 1e-3
"""Logits closer than this are equal: fp32 sums of a deep network in another order differ by up to 1e-4."""


def check_same_text(recognizer: nn.Module, reader: Reader, lines: Lines) -> None:
    """Compares the text of the file with the text of the network it was exported from, for fp32 storage.

    Args:
        recognizer: the trained network; it is left as it is.
        reader: the exported file.
        lines: decoded lines of the model's height.

    Raises:
        TrainingFault: of kind "export", with the first line that the two read differently.
    """
    model = ready(recognizer)
    facts = reader.facts
    images = [lines.image(i) for i in range(len(lines))]
    for group, width_px in equal_widths([image.shape[1] for image in images], facts.time_stride, facts.height_px):
        batch = to_input([images[i] for i in group], width_px, facts.contrast)
        with torch.inference_mode():
            expected = model(torch.from_numpy(batch)).numpy()
        found = reader.network.run(batch)
        for i, ours, theirs in zip(group, expected, found, strict=True):
            _compare(i, ours, theirs, reader)


def _compare(line: int, expected: NDArray[np.float32], found: NDArray[np.float32], reader: Reader) -> None:
    """Raises TrainingFault when the logits (T, V) of one line spell different texts and no tie explains it."""
    charset, decoding = reader.facts.charset, reader.facts.decoding
    (ours, _), (theirs, _) = (read_logits(logits[None], charset, decoding)[0] for logits in (expected, found))
    if ours == theirs:
        return
    step = int((expected.argmax(axis=1) != found.argmax(axis=1)).argmax())
    lead = float(expected[step].max() - expected[step, found[step].argmax()])
    if lead > TIE or not np.isfinite(found).all():
        raise TrainingFault(
            "export",
            f"validation line {line + 1}: the network reads '{ours}' and its file reads '{theirs}' "
            f"(step {step + 1} differs by {lead:.3g})",
        )
