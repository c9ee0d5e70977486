"""One self-contained ONNX file from a trained recogniser: folded, fused, plain, and small.

Decisions:
- The TorchScript-based exporter: it keeps a GRU as one ONNX GRU, with dynamic batch and width, in about a second.
- `simplified_graph` is all that torch has a part in; the size estimate learns from the very same function.
- Written atomically (`trainers.base.atomic_write`): a reader never sees half a file.
"""

from __future__ import annotations

import copy
import io
import math
import warnings
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from search_space.fusing import fuse_in_place
from search_space.recognizer import Recognizer
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.export.graph import simplify
from trainers.export.names import shorten
from trainers.export.precision import store
from trainers.inference.model_metadata import ModelMetadata, decode_metadata, encode_metadata
from trainers.inference.onnx_session import OnnxSession

OPSET = 20
"""GridSample as torch means it, HardSwish and a reversible Shape slice in one; ONNX Runtime reads it since 1.17."""
IR_VERSION = 9
"""The oldest that this opset may have."""

INPUT, OUTPUT = "images", "logits"
EXAMPLE_WIDTH_PX = 192
"""A multiple of 32, and of 96 for a time stride of 12."""


def export(recognizer: nn.Module, path: Path, metadata: ModelMetadata, precision: str = "fp32") -> Path:
    """Writes the file that is measured, promoted and served.

    Args:
        recognizer: images (N, 3, height_px, W) -> logits (N, T, V); it is left as it is.
        path: where to write.
        metadata: to be written into the file.
        precision: how weights are stored: "fp32", "fp16", "int8"; computing is in fp32 whatever they are.

    Returns:
        `path`.
    """
    return write(graph_of(recognizer, metadata.height_px), path, metadata, precision)


def graph_of(recognizer: nn.Module, height_px: int) -> Any:
    """What all files of one training have in common; see `write`. The recogniser is left as it is."""
    return simplified_graph(ready(recognizer), height_px)


def write(graph: Any, path: Path, metadata: ModelMetadata, precision: str = "fp32") -> Path:
    """Writes one of the files that `graph_of` allows; the graph is left as it is.

    Args:
        graph: of a recogniser, with fp32 weights.
        path, metadata, precision: as for `export`.

    Returns:
        `path`.
    """
    return _written(finished(copy.deepcopy(graph), metadata, precision), path)


def _written(data: bytes, path: Path) -> Path:
    """Writes a file in one step."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path


def simplified_graph(recognizer: nn.Module, height_px: int) -> Any:
    """The ONNX model of a recogniser in its final form, fp32, with torch's names still in it."""
    buffer = io.BytesIO()
    shape = (2, 3, height_px, EXAMPLE_WIDTH_PX)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # of tracing Python numbers, and of this exporter being the older one
        torch.onnx.export(
            recognizer,
            (torch.linspace(-1, 1, math.prod(shape)).reshape(shape),),
            buffer,  # type: ignore[arg-type]  # this exporter takes open files as well
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_axes={INPUT: {0: "n", 3: "w"}, OUTPUT: {0: "n", 1: "t"}},
        )
    return simplify(onnx.load_from_string(buffer.getvalue()), [shape, (1, 3, height_px, EXAMPLE_WIDTH_PX // 2)])


def ready(recognizer: nn.Module) -> nn.Module:
    """A copy on the CPU in its final form: eval mode, parts for training gone, branches re-parameterised."""
    return final(copy.deepcopy(recognizer).cpu().float())


def final(model: nn.Module) -> nn.Module:
    """A network as it will be used; it may be changed in place."""
    if isinstance(model, Recognizer):
        model.auxiliary = None
    return fuse_in_place(model)


def convert_precision(path: Path, target: Path, precision: str) -> Path:
    """Writes a copy of an exported fp32 file that stores the weights in another precision.

    Args:
        path: a file of ours that holds fp32.
        target: where to write.
        precision: "fp32", "fp16" or "int8".

    Raises:
        UserError: not a file of ours, or one whose weights were made smaller before.
    """
    properties = OnnxSession(path).metadata
    metadata = decode_metadata(properties, str(path))
    model = onnx.load(path)
    if properties["precision"] != "fp32":
        raise UserError(f"{path} holds {properties['precision']} weights; give the fp32 file that they were made from")
    return _written(finished(model, metadata, precision), target)


def finished(model: Any, metadata: ModelMetadata, precision: str) -> bytes:
    """The bytes of the file: weights stored in `precision`, names shortened, metadata written. Changes `model`."""
    store(model.graph, precision)
    shorten(model)
    file = frame(metadata, precision)
    file.graph.node.extend(model.graph.node)
    file.graph.initializer.extend(model.graph.initializer)
    data: bytes = file.SerializeToString(deterministic=True)
    return data


def frame(metadata: ModelMetadata, precision: str) -> Any:
    """All of the file but its nodes and weights."""
    tensor = onnx.TensorProto.FLOAT
    images = onnx.helper.make_tensor_value_info(INPUT, tensor, ["n", 3, metadata.height_px, "w"])
    logits = onnx.helper.make_tensor_value_info(OUTPUT, tensor, ["n", "t", "v"])
    graph = onnx.helper.make_graph([], "g", [images], [logits])
    opset = onnx.helper.make_opsetid("", OPSET)
    file = onnx.helper.make_model(graph, producer_name="paretext", opset_imports=[opset], ir_version=IR_VERSION)
    for key, value in encode_metadata(metadata, precision, made_with()).items():
        entry = file.metadata_props.add()
        entry.key, entry.value = key, value
    return file


@cache
def made_with() -> Mapping[str, str]:
    """Versions of what makes the file."""
    return {"paretext": version("paretext"), "torch": torch.__version__, "onnx": onnx.__version__}
