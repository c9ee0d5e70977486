"""The pyfunc model that MLflow serves: takes a column of images, returns text and confidence.

`studies.registry.source_bundler` merges this module and the modules of Paretext that it imports into one file, which becomes
part of the registered model. A process that serves the model needs mlflow, numpy, Pillow and onnxruntime, but not Paretext.
"""

from __future__ import annotations

import base64
import binascii
from typing import Any

import mlflow
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from numpy.typing import NDArray
from PIL import Image

from trainers.base.deep_images import to_8_bits
from trainers.base.errors import UserError
from trainers.base.images import decode_image
from trainers.inference.reader import Reader

COLUMN = "image"
"""Name of the input column. A cell is a PNG or JPEG file, as base64 text or as bytes, or an array of shape (H, W) or (H, W, 3)
with values from 0 to 255, or with fractions from 0 to 1."""
WHITENESS = str.maketrans("", "", " \t\r\n")
"""Removes the line ends that base64(1) and MIME put into long texts."""


class NotALine(UserError, MlflowException):  # type: ignore[misc]
    """A request that cannot be met. MLflow's server answers with the message of its own exceptions only."""

    def __init__(self, message: str) -> None:
        MlflowException.__init__(self, message, error_code=INVALID_PARAMETER_VALUE)


class _LineReaderMethods:
    """The methods of `LineReader`.

    MLflow warns about a subclass of its PythonModel that defines `predict` without type hints. With type hints it would derive
    another signature than the one that is saved with the model. So `LineReader` inherits the method from this class.
    """

    def load_context(self, context: Any) -> None:
        """Opens the ONNX file, the artifact `model`."""
        self._reader = Reader(context.artifacts["model"])

    def predict(self, context, model_input, params=None):  # type: ignore[no-untyped-def]
        """Reads one line of text from each image.

        Args:
            context: MLflow's context; not used.
            model_input: a table with the column `image` (see `COLUMN`), or the cells of that column.
            params: MLflow's inference params; not used.

        Returns:
            A table with the columns `text` and `confidence` (the probability that the whole line is right, in [0, 1]).

        Raises:
            NotALine: a cell is not an image; the message names its row, counted from 1.
        """
        try:
            readings = self._reader.read([_image(cell, row) for row, cell in enumerate(_cells(model_input), start=1)])
        except UserError as error:
            raise NotALine(str(error)) from None
        return pd.DataFrame({"text": [r.text for r in readings], "confidence": [float(r.confidence) for r in readings]})


class LineReader(_LineReaderMethods, mlflow.pyfunc.PythonModel):  # type: ignore[misc]
    """Reads lines of text with an ONNX file of Paretext."""


def _cells(model_input: Any) -> list[Any]:
    """Returns the images of an input of `predict`: a table, a list of images, or one image as text or bytes."""
    if isinstance(model_input, pd.DataFrame):
        cells = list(model_input[COLUMN])
    else:
        cells = [model_input] if isinstance(model_input, str | bytes) else list(model_input)
    # MLflow turns the request {"inputs": {"image": ["…", "…"]}} into one cell that holds a list
    return [image for cell in cells for image in (cell if _is_list_of_files(cell) else [cell])]


def _is_list_of_files(cell: Any) -> bool:
    return isinstance(cell, list) and bool(cell) and isinstance(cell[0], str | bytes)


def _image(cell: Any, row: int) -> Image.Image | NDArray[np.uint8]:
    """Decodes one cell; raises UserError, which names the row, if it is not an image."""
    if isinstance(cell, str):
        try:
            text = cell.rpartition(",")[2]  # a data URL has a comma before the base64
            cell = base64.b64decode(text.translate(WHITENESS), validate=True)
        except (binascii.Error, ValueError):
            raise UserError(
                f"row {row}: the text in '{COLUMN}' is not base64; encode the bytes of a PNG or JPEG file"
            ) from None
    if isinstance(cell, bytes):
        try:
            return decode_image(cell)
        except UserError as error:
            raise UserError(
                f"row {row}: the bytes in '{COLUMN}' are not a line image ({error}); give a PNG or JPEG file"
            ) from None
    try:
        pixels = np.asarray(cell)
    except ValueError:  # rows of different lengths
        pixels = np.empty(0, object)
    right = pixels.dtype.kind in "biuf" and pixels.ndim in (2, 3)
    if not right or not (pixels.min(initial=0) >= 0 and pixels.max(initial=0) <= 255):  # NaN is neither
        raise UserError(f"row {row}: the array in '{COLUMN}' must be (H, W) or (H, W, 3) with values from 0 to 255")
    return pixels.astype(np.uint8) if pixels.dtype.kind in "iu" else to_8_bits(pixels)


mlflow.models.set_model(LineReader())
