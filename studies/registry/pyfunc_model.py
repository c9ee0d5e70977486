"""The model that MLflow serves: images in a column, text and confidence out.

`studies.registry.source_bundler` puts this file and all it imports of ours into one, which is what the registry holds: a served
process needs mlflow, numpy, Pillow and onnxruntime, and nothing of this project.
"""

from __future__ import annotations

import base64
import binascii
import io
from typing import Any

import mlflow
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from trainers.base.errors import UserError
from trainers.inference.reader import Reader

COLUMN = "image"
"""The input column: each cell a base64 PNG or JPEG, the bytes of one, or an array (H, W) or (H, W, 3) of 0 to 255."""


class _Reading:
    """Reads a line of text from each image."""

    def load_context(self, context: Any) -> None:
        """Opens the ONNX file that lies beside this one."""
        self._reader = Reader(context.artifacts["model"])

    # MLflow would try to make a signature of a type at `model_input`
    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Reads a table with the column `image`.

        Returns:
            A table with the columns `text` and `confidence` (how likely all of the line is right, in [0, 1]).

        Raises:
            UserError: a cell that is no image, with its row.
        """
        readings = self._reader.read([_image(cell, row) for row, cell in enumerate(_cells(model_input), start=1)])
        return pd.DataFrame({"text": [r.text for r in readings], "confidence": [float(r.confidence) for r in readings]})


class LineReader(_Reading, mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """What MLflow serves. It inherits `predict`, because MLflow warns of each that is written in such a class without a
    type to make a signature of; ours is written down."""


def _cells(model_input: Any) -> list[Any]:
    """The images in whatever MLflow hands over: a table, or what a caller without a signature gives."""
    if isinstance(model_input, pd.DataFrame):
        cells = list(model_input[COLUMN])
    else:
        cells = [model_input] if isinstance(model_input, str | bytes) else list(model_input)
    # MLflow makes one cell of the request {"inputs": {"image": ["…", "…"]}}
    return [image for cell in cells for image in (cell if _is_several(cell) else [cell])]


def _is_several(cell: Any) -> bool:
    return isinstance(cell, list) and bool(cell) and isinstance(cell[0], str | bytes)


def _image(cell: Any, row: int) -> Image.Image | NDArray[np.uint8]:
    if isinstance(cell, str):
        try:
            cell = base64.b64decode(cell.rpartition(",")[2], validate=True)  # a data URL has a comma before the base64
        except (binascii.Error, ValueError):
            raise UserError(
                f"row {row}: the text in '{COLUMN}' is not base64; encode the bytes of a PNG or JPEG file"
            ) from None
    if isinstance(cell, bytes):
        try:
            image = Image.open(io.BytesIO(cell))
            image.load()
            return image
        except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
            raise UserError(f"row {row}: the bytes in '{COLUMN}' are not an image; give a PNG or JPEG file") from None
    pixels = np.asarray(cell)
    if pixels.dtype == object or pixels.ndim not in (2, 3) or pixels.min(initial=0) < 0 or pixels.max(initial=0) > 255:
        raise UserError(f"row {row}: the array in '{COLUMN}' must be (H, W) or (H, W, 3) with values from 0 to 255")
    return pixels.astype(np.uint8)


mlflow.models.set_model(LineReader())
