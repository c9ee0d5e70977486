"""What a served model is sent: unusual forms of one image are read alike, and what is no image is refused by its row."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from testing.bad_input import line_image
from testing.tiny_model import tiny_model
from trainers.base.errors import UserError

mlflow = pytest.importorskip("mlflow")

PIXELS = np.asarray(line_image(0))


def png(values: Any = PIXELS, form: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(values).save(buffer, form)
    return buffer.getvalue()


TEXT = base64.b64encode(png()).decode()


@pytest.fixture(scope="module")
def predict(tmp_path_factory: pytest.TempPathFactory) -> Callable[[list[Any]], list[str]]:
    from studies.registry.pyfunc_model import LineReader

    reader: Any = LineReader()
    model = tiny_model(tmp_path_factory.mktemp("model") / "model.onnx")
    reader.load_context(type("Context", (), {"artifacts": {"model": str(model)}}))
    return lambda cells: list(reader.predict(None, cells)["text"])


ALIKE: dict[str, Any] = {
    "bytes": png(),
    "base64": TEXT,
    "base64 with line ends": base64.encodebytes(png()).decode(),
    "base64 with CRLF and blanks": TEXT[:8] + "\r\n " + TEXT[8:],
    "a data URL": f"data:image/png;base64,{TEXT}",
    "an array": PIXELS,
    "lists": PIXELS.tolist(),
    "fractions": (PIXELS / 255).tolist(),
    "floating point to 255": PIXELS.astype(float),
    "whole numbers of 64 bits": PIXELS.astype(np.int64),
    "three channels": np.repeat(PIXELS[:, :, None], 3, axis=2),
    "16 bits": png(PIXELS.astype(np.uint16) * 257),
    "a TIFF of fractions": png((PIXELS / 255).astype(np.float32), "TIFF"),
}

REFUSED: dict[str, Any] = {
    "ragged": [[1, 2], [3]],
    "text": [["a", "b"]],
    "text in a number": [["1", 2]],
    "nothing": None,
    "a number": 7,
    "a row": [1, 2, 3],
    "above 255": [[300, 0]],
    "below 0": [[-1, 0]],
    "not a number": [[float("nan"), 0.5]],
    "infinite": [[float("inf"), 0.5]],
    "no base64": "not base64!",
    "base64 of no image": base64.b64encode(b"no image").decode(),
    "an empty text": "",
    "bytes of no image": b"no image",
    "too wide": np.zeros((1, 5000), np.uint8),
    "no pixels": np.zeros((0, 5), np.uint8),
    "five channels": np.zeros((4, 4, 5), np.uint8),
}


@pytest.mark.parametrize("name", ALIKE)
def test_one_image_in_any_form_is_read_alike(name: str, predict: Callable[[list[Any]], list[str]]) -> None:
    assert predict([png(), ALIKE[name]]) == 2 * predict([png()])


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_image_is_refused_with_the_reason_as_mlflows_message(
    name: str, predict: Callable[[list[Any]], list[str]]
) -> None:
    with pytest.raises(UserError) as refused:
        predict([png(), REFUSED[name]])
    error: Any = refused.value
    assert isinstance(error, mlflow.exceptions.MlflowException) and error.error_code == "INVALID_PARAMETER_VALUE"
    assert error.message == str(error) and ("row 2" in error.message or "image 2" in error.message)
    assert len(error.message) < 300 and "\n" not in error.message
