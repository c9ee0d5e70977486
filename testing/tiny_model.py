"""A real model file that is quick to make: one untrained convolution, whose readings are arbitrary but repeatable."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

from studies.storage.front_point import FrontPoint
from trainers.base.file_digest import file_sha256
from trainers.export.onnx_file import export
from trainers.inference.model_metadata import ModelMetadata

CHARSET = tuple("0123456789")
ARCHITECTURE = {"backbone": "mobilenetv3_small", "width_percent": 25}
"""The architecture named in the file's metadata; the network is another."""


class Tiny(nn.Module):
    """Images (N, 3, 32, W) -> logits (N, W / 4, 11)."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.columns = nn.Conv2d(3, len(CHARSET) + 1, (32, 4), stride=4)

    def forward(self, images: Tensor) -> Tensor:
        columns: Tensor = self.columns(images)
        return 9 * columns.squeeze(2).transpose(1, 2)


def tiny_model(path: Path, seed: int = 0, normaliser: str = "none", charset: tuple[str, ...] = CHARSET) -> Path:
    """Writes the file; the normaliser is that of its labels, and the charset has ten characters."""
    metadata = ModelMetadata(charset, normaliser, 32, 4, ARCHITECTURE, "0" * 16, "0" * 16)
    return export(Tiny(seed), path, metadata)


def tiny_point(path: Path, trial: int = 0, seed: int = 0, accuracy: float = 0.5) -> FrontPoint:
    """The file as a point of a front."""
    model = tiny_model(path, seed)
    return FrontPoint(
        trial, accuracy, 0.1, model.stat().st_size, 0.2, 1_000, ARCHITECTURE, str(model), sha256=file_sha256(model)
    )
