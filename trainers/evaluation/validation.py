"""Scores a torch module on validation lines: exact matches and character errors, with greedy decoding.

Every line is read at its own canonical width, as the reader does, so these numbers are those of the exported file.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from search_space.recognizer import Recognizer
from trainers.base.preprocess import to_input
from trainers.base.width_batches import equal_width_batches
from trainers.batching.collate import DecodedLines
from trainers.evaluation.metrics import Score, score, spread
from trainers.inference.decode import collapse


def validate(recognizer: Recognizer, lines: DecodedLines, symbols: Sequence[str], at_most: int = 0) -> Score:
    """Reads validation lines.

    Args:
        recognizer: put into eval mode and left in it.
        lines: decoded lines.
        symbols: the charset in order.
        at_most: reads that many, evenly spread over the set and the same every time; 0 reads all.
    """
    chosen = spread(len(lines), at_most)
    readings = dict(read(recognizer, lines, symbols, chosen))
    return score([lines.text(i) for i in chosen], [readings[i] for i in chosen])


@torch.inference_mode()
def read(
    recognizer: Recognizer, lines: DecodedLines, symbols: Sequence[str], chosen: Sequence[int]
) -> Iterator[tuple[int, str]]:
    """Line number and text of the chosen lines, in the order they are read: narrow ones first."""
    recognizer.eval()
    device = next(recognizer.parameters()).device
    spell = np.array(["", *symbols], dtype=object)
    a = recognizer.architecture
    for places, width_px in equal_width_batches([int(lines.widths[i]) for i in chosen], a.time_stride, a.height_px):
        group = [chosen[place] for place in places]
        images = torch.from_numpy(to_input([lines.image(i) for i in group], width_px, recognizer.contrast)).to(device)
        best: Tensor = recognizer(images.contiguous(memory_format=torch.channels_last)).argmax(dim=2)
        for i, indices in zip(group, collapse(best.cpu().numpy(), recognizer.head.decoding), strict=True):
            yield i, "".join(spell[indices[indices < len(spell)]])
