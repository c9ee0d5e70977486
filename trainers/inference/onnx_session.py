"""Opens and runs a model file with ONNX Runtime; the only module that imports onnxruntime.

Decisions:
- One thread is the default, because a search runs one process per core.
- A file may be a stranger's: its structure is checked first (`trainers.inference.onnx_check`).
- If a file cannot be opened, the user gets one line instead of ONNX Runtime's messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from search_space.coded_precision import is_coded
from trainers.base.errors import UnfitArchitecture, UserError
from trainers.base.regular_file import NotReadable, read_regular
from trainers.inference.checksum import has_checksum, is_damaged
from trainers.inference.onnx_check import MOST_BYTES, UnsafeFile, check_onnx

QUIET = 3
"""Lowest level of ONNX Runtime's log messages that are shown: errors."""


class OnnxSession:
    """An ONNX file, ready to run on the CPU.

    Args:
        path: the file.
        threads: number of threads of a run.

    Attributes:
        metadata: of the file, key to text.

    Raises:
        UserError: there is no such file, it is damaged, or ONNX Runtime cannot open it.
    """

    def __init__(self, path: Path, threads: int = 1) -> None:
        data = _content(path)
        if is_damaged(data):
            raise UserError(f"{path} is damaged: its checksum is wrong; copy or export it again")
        try:
            check_onnx(data)
        except UnsafeFile as fault:
            raise UserError(f"{path} is not a readable ONNX file ({fault}); give a file that `paretext` exported") from None
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = QUIET
        try:
            self._session: Any = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            self.metadata: Mapping[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
            self._input = self._session.get_inputs()[0].name
        except Exception as error:  # onnxruntime's exceptions have no common public base
            raise UserError(f"{path} is not a readable ONNX file ({_first_line(error)})") from None
        if is_coded(self.metadata.get("precision", "")) and not has_checksum(data):
            raise UserError(f"{path} is damaged: it does not end with its checksum; copy or export it again")
        self._path = path

    def run(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, 3, H, W) -> what the network computes of them.

        Raises:
            UnfitArchitecture: it does not run with such images, because another program made it, or for lack of memory.
        """
        try:
            return np.asarray(self._session.run(None, {self._input: images})[0])
        except Exception as error:
            raise UnfitArchitecture(f"the network of {self._path} does not run ({_first_line(error)})") from None

    def logits(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Images (N, 3, H, W) -> logits (N, T, V).

        Raises:
            UnfitArchitecture: the network does not compute that, because another program made it, or for lack of memory.
        """
        logits = self.run(images)
        if logits.ndim != 3 or logits.dtype != np.float32 or len(logits) != len(images) or 0 in logits.shape:
            found = f"{logits.dtype} {logits.shape}"
            raise UnfitArchitecture(f"the network of {self._path} gives {found} and no logits; export it again")
        return logits


def _content(path: Path) -> bytes:
    """The content of a file.

    Raises:
        UserError: it is not there, or it is not one that is read.
    """
    if not path.exists():
        raise UserError(f"model file {path} is not there")
    try:
        return read_regular(path, MOST_BYTES)
    except NotReadable as fault:
        raise UserError(f"model file {path} cannot be read: {fault}") from None


def evaluate(model: bytes, inputs: Sequence[NDArray[np.float32]]) -> list[list[NDArray[Any]]]:
    """Runs a model that is in memory; returns all its outputs for each input."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = QUIET
    session: Any = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return [session.run(None, {name: given}) for given in inputs]


def evaluate_constants(model: bytes) -> list[NDArray[Any]]:
    """Runs a model without inputs that is in memory; returns its outputs."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = QUIET
    outputs: list[NDArray[Any]] = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"]).run(None, {})
    return outputs


def _first_line(error: Exception) -> str:
    """The end of ONNX Runtime's message, which has the reason."""
    text = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return text.rsplit(" : ", maxsplit=1)[-1][:160]
