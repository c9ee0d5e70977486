"""A small attention decoder beside CTC, which trains the backbone and is not exported.

Decisions:
- It is a transformer decoder as in PP-OCRv4 (NRTR). With teacher forcing it predicts all symbols of a line at once, which is
  much faster than a recurrent decoder.
- It reads the columns before the encoder, so its gradient goes to the backbone.
- Its loss is the mean over the symbols of a line and their end, with label smoothing, as in PP-OCRv4 (NRTRLoss); CTC's is the
  sum, so the guide weighs less the longer a line is.
- GTC and PP-OCRv4's `use_guide` also keep CTC's gradient from the backbone. Here both losses train it.
- Version 2: in version 1 the loss was the sum over the line, without smoothing.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from search_space.auxiliaries import auxiliaries
from search_space.catalog import Citation
from search_space.contracts import Auxiliary, Features

WEIGHT = 1.0
"""Weight of the loss beside that of the head, as in PP-OCRv4."""
SMOOTHING = 0.1
"""Probability that a target gives to all other symbols together, as in PP-OCRv4."""
WIDTH = 96
HEADS = 4
LAYERS = 2


def positions(length: int, device: torch.device) -> Tensor:
    """Sinusoidal position embeddings, (length, WIDTH)."""
    place = torch.arange(length, device=device, dtype=torch.float32)[:, None]
    speed = torch.exp(torch.arange(0, WIDTH, 2, device=device, dtype=torch.float32) * (-math.log(10_000.0) / WIDTH))
    return torch.stack([torch.sin(place * speed), torch.cos(place * speed)], 2).flatten(1)


@auxiliaries.register(
    "attention_guide",
    Citation(
        "GTC: Guided Training of CTC Towards Efficient and Accurate Scene Text Recognition",
        2020,
        "https://arxiv.org/abs/2002.01276",
    ),
)
class AttentionGuide(Auxiliary):
    """Predicts each symbol from those before it and from the columns; index 0 is the end, the last index is the start."""

    version = 2

    def __init__(self, map_channels: int, column_features: int, symbols: int, height_px: int) -> None:
        super().__init__(map_channels, column_features, symbols, height_px)
        self.start = symbols + 1
        self.columns = nn.Linear(column_features, WIDTH)
        self.symbols = nn.Embedding(symbols + 2, WIDTH)
        layer = nn.TransformerDecoderLayer(WIDTH, HEADS, 2 * WIDTH, dropout=0.1, batch_first=True, norm_first=True)
        self.decoder = nn.TransformerDecoder(layer, LAYERS, nn.LayerNorm(WIDTH))
        self.classes = nn.Linear(WIDTH, symbols + 1)

    def loss(self, features: Features, images: Tensor, targets: Tensor, lengths: Tensor) -> Tensor:
        places = torch.arange(targets.shape[1] + 1, device=targets.device)
        wanted = F.pad(targets, (0, 1)).masked_fill(places >= lengths[:, None], 0)
        before = F.pad(wanted[:, :-1], (1, 0), value=self.start)
        columns = self.columns(features.columns)
        columns = columns + positions(columns.shape[1], columns.device)
        guesses = self.symbols(before) + positions(before.shape[1], columns.device)
        later = torch.ones(len(places), len(places), dtype=torch.bool, device=columns.device).triu(1)
        logits = self.classes(self.decoder(guesses, columns, tgt_mask=later)).float()
        classes = logits.shape[2]
        smoothing = SMOOTHING * classes / (classes - 1)  # torch gives a part of it to the target itself
        losses = F.cross_entropy(logits.transpose(1, 2), wanted, reduction="none", label_smoothing=smoothing)
        return WEIGHT * (losses * (places <= lengths[:, None])).sum(1) / (lengths + 1)
