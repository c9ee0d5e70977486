"""Scores a torch module on validation lines: exact matches and character errors, with greedy decoding.

Every line is read at its own canonical width, as by the reader, so the results are those of the exported file.
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
from trainers.evaluation.metrics import Score, as_labels, evenly_spaced, score
from trainers.inference.decode import collapse


def validate(recognizer: Recognizer, lines: DecodedLines, symbols: Sequence[str], at_most: int = 0) -> Score:
    """Scores a network on validation lines.

    Args:
        recognizer: it is in eval mode afterwards.
        lines: decoded lines; their normaliser is applied to the readings before they are compared.
        symbols: the charset in order.
        at_most: number of lines to read, evenly spaced and the same every time; 0 reads all.
    """
    chosen = evenly_spaced(len(lines), at_most)
    readings = dict(read(recognizer, lines, symbols, chosen))
    return score([lines.text(i) for i in chosen], as_labels((readings[i] for i in chosen), lines))


@torch.inference_mode()
def read(
    recognizer: Recognizer, lines: DecodedLines, symbols: Sequence[str], chosen: Sequence[int]
) -> Iterator[tuple[int, str]]:
    """Reads the chosen lines; yields the number and the text of each, narrow lines first."""
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
