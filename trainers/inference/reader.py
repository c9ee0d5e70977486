"""Reads lines of text with an exported file. Needs only onnxruntime, numpy and Pillow.

Decisions:
- Each image runs at its own canonical width, in a batch with images of equal width, so that its text depends on nothing else.
- The pixels of a batch are bounded: it has a hundred short words or a few long lines.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trainers.base.errors import UserError
from trainers.base.preprocess import fit_height, to_input
from trainers.base.width_batches import equal_width_batches
from trainers.inference.decode import Decoding, read_logits, read_texts
from trainers.inference.model_metadata import ModelMetadata, decode_metadata
from trainers.inference.onnx_session import OnnxSession

Decoded = TypeVar("Decoded")


@dataclass(frozen=True)
class Reading:
    """The text that was read in an image.

    Attributes:
        text: of the line.
        confidence: probability that the whole text is right, in [0, 1].
    """

    text: str
    confidence: float


class Reader:
    """Reads line images with an exported model file.

    Args:
        path: an ONNX file exported by this program.
        threads: number of threads of a run.

    Attributes:
        metadata: of the file; everything that a reader needs.

    Raises:
        UserError: there is no such file, or it is not a model of this program.
    """

    def __init__(self, path: Path | str, threads: int = 1) -> None:
        self.path = Path(path)
        self.network = OnnxSession(self.path, threads)
        self.metadata: ModelMetadata = decode_metadata(self.network.metadata, str(path))

    def read(self, images: Sequence[Image.Image | NDArray[np.uint8]]) -> list[Reading]:
        """Reads one line per image, in the given order.

        Args:
            images: Pillow images, or uint8 arrays (H, W) or (H, W, 3), of any size.

        Raises:
            UserError: an image has no pixels, or an array is not an image.
        """
        return [Reading(text, confidence) for text, confidence in self._decoded(images, read_logits)]

    def texts(self, images: Sequence[Image.Image | NDArray[np.uint8]]) -> list[str]:
        """The texts that `read` reads, without confidences, which look at every character of every time step.

        Args:
            images: as those of `read`.

        Raises:
            UserError: as from `read`.
        """
        return self._decoded(images, read_texts)

    def _decoded(
        self,
        images: Sequence[Image.Image | NDArray[np.uint8]],
        decode: Callable[[NDArray[np.float32], Sequence[str], Decoding], list[Decoded]],
    ) -> list[Decoded]:
        """What `decode` makes of the logits (N, T, V) of each image, in the given order."""
        lines, model = [self._fitted(image, number) for number, image in enumerate(images, start=1)], self.metadata
        found: dict[int, Decoded] = {}
        for group, width_px in equal_width_batches([line.shape[1] for line in lines], model.time_stride, model.height_px):
            logits = self.network.logits(to_input([lines[i] for i in group], width_px, model.contrast))
            found |= zip(group, decode(logits, model.charset, model.decoding), strict=True)
        return [found[i] for i in range(len(lines))]

    def _fitted(self, image: Image.Image | NDArray[np.uint8], number: int) -> NDArray[np.uint8]:
        try:
            return fit_height(image, self.metadata.height_px)
        except (ValueError, OSError) as error:
            raise UserError(f"image {number} cannot be read: {error}") from None
