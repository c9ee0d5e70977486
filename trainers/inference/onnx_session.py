"""The one place that imports onnxruntime: opens a model file and runs it.

Decisions:
- Threads are the caller's business (a search runs one process per core), so none is taken by default but one.
- ONNX Runtime's own messages are for its authors: a file that cannot be opened is one line for a person.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from trainers.base.errors import UserError

QUIET = 3
"""ONNX Runtime's log level from which it speaks: errors."""


class OnnxSession:
    """An ONNX file, ready to run on the CPU.

    Args:
        path: the file.
        threads: that one run may use.

    Attributes:
        metadata: what the file says about itself, key to text.

    Raises:
        UserError: no such file, or one that ONNX Runtime cannot open.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        if not path.is_file():
            raise UserError(f"model file {path} is not there")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        try:
            self._session: Any = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common public base
            raise UserError(f"{path} is not a readable ONNX file ({_first_line(error)})") from None
        self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        self._input = self._session.get_inputs()[0].name

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, 3, H, W) -> logits (N, T, V)."""
        logits: NDArray[np.float32] = self._session.run(None, {self._input: images})[0]
        return logits


def evaluate(model: bytes, inputs: Sequence[NDArray[np.float32]]) -> list[list[NDArray[Any]]]:
    """All outputs of a model in memory, for each input."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = QUIET
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [session.run(None, {name: given}) for given in inputs]


def _first_line(error: Exception) -> str:
    """The end of ONNX Runtime's message, where the reason stands."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.rsplit(" : ", maxsplit=1)[-1][:160]
