"""Checks that the exported file reads the same text as the trained network.

Decisions:
- Texts are compared instead of logits, because users get text. Logits are computed only for lines whose texts differ, so the
  check takes no longer than reading all lines once with the network.
- If the two best classes of the network are equal up to rounding, either text is right. A difference is a fault only at a time
  step with a clear best class. All steps of a CTC head are looked at, since they do not depend on each other; of an attention
  head the first that differs, since the symbol that is written there goes into all later ones.
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
"""Logits that differ by less count as equal: fp32 sums of a deep network in another order differ by up to 1e-4."""


def check_same_text(
    recognizer: Recognizer,
    reader: Reader,
    lines: DecodedLines,
    readings: Sequence[str],
    chosen: Sequence[int] | None = None,
) -> None:
    """Compares the readings of an fp32 file with those of the network that it was exported from.

    Args:
        recognizer: the trained network; put into eval mode and left in it.
        reader: the exported file.
        lines: decoded lines of the model's height.
        readings: what the file reads in the lines that are compared, in their order.
        chosen: numbers of the lines that are compared; None means all.

    Raises:
        TrainingFault: of kind "export"; names the first line that the two read differently.
    """
    chosen = range(len(lines)) if chosen is None else chosen
    of_file = dict(zip(chosen, readings, strict=True))
    found = read(recognizer, lines, reader.metadata.charset, chosen)
    differing = sorted(i for i, text in found if text != of_file[i])
    if not differing:
        return
    model = ready(recognizer)
    for i in differing:
        _compare(i, *_logits(model, reader, lines.image(i)), reader)


def _logits(model: nn.Module, reader: Reader, image: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Logits (T, V) of one line: of the network and of the file."""
    metadata = reader.metadata
    batch = to_input([image], canonical_width(image.shape[1], metadata.time_stride), metadata.contrast)
    with torch.inference_mode():
        return model(torch.from_numpy(batch)).numpy()[0], reader.network.run(batch)[0]


def _compare(line: int, expected: NDArray[np.float32], found: NDArray[np.float32], reader: Reader) -> None:
    """Raises TrainingFault if the logits (T, V) of one line give different texts that no tie explains."""
    charset, decoding = reader.metadata.charset, reader.metadata.decoding
    (ours, _), (theirs, _) = (read_logits(logits[None], charset, decoding)[0] for logits in (expected, found))
    if ours == theirs:
        return
    leads = expected.max(axis=1) - np.take_along_axis(expected, found.argmax(axis=1)[:, None], axis=1)[:, 0]
    differing = np.flatnonzero(expected.argmax(axis=1) != found.argmax(axis=1))
    step = int(differing[leads[differing].argmax()] if decoding == "ctc" else differing[0])
    lead = float(leads[step])
    if lead > TIE or not np.isfinite(found).all():
        raise TrainingFault(
            "export",
            f"validation line {line + 1}: the network reads '{ours}' and its file reads '{theirs}' "
            f"(step {step + 1} differs by {lead:.3g})",
        )
