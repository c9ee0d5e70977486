"""Reads lines of text with an exported file: onnxruntime, numpy and Pillow are all it needs.

Decisions:
- Each image runs at its own canonical width, batched only with images of equal width: its text depends on nothing else.
- Batches are bounded by pixels: a hundred short words or a few long lines.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.base.errors import UserError
from trainers.base.preprocess import fit_height, to_input
from trainers.base.width_batches import equal_width_batches
from trainers.inference.decode import read_logits
from trainers.inference.model_metadata import ModelMetadata, decode_metadata
from trainers.inference.onnx_session import OnnxSession


@dataclass(frozen=True)
class Reading:
    """The text that was read in an image.

    Attributes:
        text: the line.
        confidence: how likely all of it is right, in [0, 1].
    """

    text: str
    confidence: float


class Reader:
    """Reads line images with an exported model file.

    Args:
        path: an ONNX file exported by this program.
        threads: that one run may use.

    Attributes:
        metadata: of the file; everything that a reader needs.

    Raises:
        UserError: no such file, not an ONNX file, or not one of ours.
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        self.path = Path(path)
        self.network = OnnxSession(self.path, threads)
        self.metadata: ModelMetadata = decode_metadata(self.network.metadata, str(path))

    def read(self, images: Sequence[Image.Image | NDArray[np.uint8]]) -> list[Reading]:
        """Reads lines, one an image, in the order given.

        Args:
            images: Pillow images, or uint8 arrays (H, W) or (H, W, 3), of any size.

        Raises:
            UserError: an image without pixels or of a type that is not an image's.
        """
        lines = [self._fitted(image, number) for number, image in enumerate(images, start=1)]
        readings: list[Reading | None] = [None] * len(lines)
        for group, width_px in equal_width_batches(
            [line.shape[1] for line in lines], self.metadata.time_stride, self.metadata.height_px
        ):
            logits = self.network.run(to_input([lines[i] for i in group], width_px, self.metadata.contrast))
            for i, (text, confidence) in zip(
                group, read_logits(logits, self.metadata.charset, self.metadata.decoding), strict=True
            ):
                readings[i] = Reading(text, confidence)
        return [reading for reading in readings if reading is not None]

    def _fitted(self, image: Image.Image | NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        try:
            return fit_height(image, self.metadata.height_px)
        except (ValueError, OSError) as error:
            raise UserError(f"image {number} cannot be read: {error}") from None
