"""Does the exported file read what the trained network reads? Line by line, on the whole validation set.

Decisions:
- Text is compared, not numbers: text is what ships. Logits are looked at only where texts differ, so comparing all lines costs
  no more than reading them once with the network.
- Where torch's two best classes are as good as equal, rounding decides, and neither text is wrong; only a difference at a
  step with a clear best is a fault.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from search_space.recognizer import Recognizer
from trainers.base.errors import TrainingFault
from trainers.base.preprocess import canonical_width, to_input
from trainers.batching.collate import DecodedLines
from trainers.evaluation.validation import read
from trainers.export.onnx_file import ready
from trainers.inference.decode import read_logits
from trainers.inference.reader import Reader

TIE = 1e-3
"""Logits closer than this are equal: fp32 sums of a deep network in another order differ by up to 1e-4."""


def check_same_text(recognizer: Recognizer, reader: Reader, lines: DecodedLines, readings: Sequence[str]) -> None:
    """Compares the text of the file with the text of the network it was exported from, for fp32 storage.

    Args:
        recognizer: the trained network; put into eval mode and left in it.
        reader: the exported file.
        lines: decoded lines of the model's height.
        readings: what the file reads in all of them: they are read for measuring anyway.

    Raises:
        TrainingFault: of kind "export", with the first line that the two read differently.
    """
    found = read(recognizer, lines, reader.metadata.charset, range(len(lines)))
    differing = sorted(i for i, text in found if text != readings[i])
    if not differing:
        return
    model = ready(recognizer)
    for i in differing:
        _compare(i, *_logits(model, reader, lines.image(i)), reader)


def _logits(model: nn.Module, reader: Reader, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (T, V) of one line alone: the network's and the file's."""
    metadata = reader.metadata
    batch = to_input([image], canonical_width(image.shape[1], metadata.time_stride), metadata.contrast)
    with torch.inference_mode():
        return model(torch.from_numpy(batch)).numpy()[0], reader.network.run(batch)[0]


def _compare(line: int, expected: NDArray[np.float32], found: NDArray[np.float32], reader: Reader) -> None:
    """Raises TrainingFault when the logits (T, V) of one line spell different texts and no tie explains it."""
    charset, decoding = reader.metadata.charset, reader.metadata.decoding
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
