"""Exports a trained recogniser to one small, self-contained ONNX file.

Decisions:
- It uses torch's TorchScript-based exporter, which writes a GRU as one ONNX GRU, with dynamic batch and width, in a second.
- Only `simplified_graph` calls torch's exporter; the size estimate measures nodes with the same function.
- Files are written atomically (`trainers.base.atomic_write`), so nobody reads half a file.
"""

from __future__ import annotations

import copy
import io
import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import onnx
import torch
from numpy.typing import NDArray
from torch import nn

from search_space.architecture import Architecture
from search_space.coded_precision import is_coded
from search_space.fusing import fuse_in_place
from search_space.recognizer import Recognizer
from trainers.base.atomic_write import atomic_write
from trainers.base.errors import UserError
from trainers.export.graph import simplify
from trainers.export.names import shorten
from trainers.export.precision import store
from trainers.inference.checksum import CHECKSUM, UNSEALED, sealed
from trainers.inference.model_metadata import ModelMetadata, decode_metadata, encode_metadata
from trainers.inference.onnx_session import OnnxSession, evaluate_constants

OPSET = 20
"""Has GridSample with torch's meaning and HardSwish as one operator; ONNX Runtime supports it since 1.17."""
IR_VERSION = 9
"""The oldest IR version that this opset allows."""

INSTEAD_OF_CODED = ("int8",)
"""Precisions in which a file is written instead of coded if that takes fewer bytes. Not int4, whose error is several times that
of fine steps: a finer step would otherwise give a coarser file."""

INPUT = "images"
"""Name of the input."""
OUTPUT = "logits"
"""Name of the output."""
EXAMPLE_WIDTH_PX = 192
"""Width of the images that the exporter traces with: a multiple of 32, and of 96 for a time stride of 12."""


def export(recognizer: nn.Module, path: Path, metadata: ModelMetadata, precision: str = "fp32") -> Path:
    """Writes the file that is measured, promoted and served.

    Args:
        recognizer: images (N, 3, height_px, W) -> logits (N, T, V); it is not changed.
        path: where to write.
        metadata: to be written into the file.
        precision: how weights are stored: "fp32", "fp16", "int8", "int4", "coded" or "coded_N"; the file always computes in
            fp32.

    Returns:
        `path`.
    """
    return write(graph_of(recognizer, metadata.height_px), path, metadata, precision)


def graph_of(recognizer: nn.Module, height_px: int) -> Any:
    """The fp32 graph of a recogniser, from which `write` makes a file in any precision. The recogniser is not changed."""
    return simplified_graph(ready(recognizer), height_px)


def write(graph: Any, path: Path, metadata: ModelMetadata, precision: str = "fp32") -> Path:
    """Writes the file of a graph in one precision.

    Args:
        graph: from `graph_of`; it is not changed.
        path, metadata, precision: as for `export`.

    Returns:
        `path`.
    """
    return write_bytes(finished(copy.deepcopy(graph), metadata, precision), path)


def write_bytes(data: bytes, path: Path) -> Path:
    """Writes a file atomically; returns its path."""
    with atomic_write(path) as temporary:
        temporary.write_bytes(data)
    return path


def simplified_graph(recognizer: nn.Module, height_px: int) -> Any:
    """The simplified ONNX model of a recogniser in its final form: fp32, with torch's names."""
    buffer = io.BytesIO()
    shape = (2, 3, height_px, EXAMPLE_WIDTH_PX)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # about traced Python numbers, and about this exporter being the older one
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
    """A copy of a recogniser on the CPU in its final form (see `final`)."""
    return final(copy.deepcopy(recognizer).cpu().float())


def final(model: nn.Module) -> nn.Module:
    """The final form of a network: eval mode, no auxiliary loss, branches merged. The network is changed in place."""
    if isinstance(model, Recognizer):
        model.auxiliary = None
    return fuse_in_place(model)


def convert_precision(path: Path, target: Path, precision: str) -> Path:
    """Writes a copy of an exported fp32 file that stores the weights in another precision.

    Args:
        path: a file that `export` wrote in fp32.
        target: where to write.
        precision: "fp32", "fp16", "int8", "int4", "coded" or "coded_N".

    Raises:
        UserError: the file was made by another program, or its weights are not fp32.
    """
    properties = OnnxSession(path).metadata
    metadata = decode_metadata(properties, str(path))
    model = onnx.load(path)
    if properties["precision"] != "fp32":
        raise UserError(f"{path} holds {properties['precision']} weights; give the fp32 file that they were made from")
    return write_bytes(finished(model, metadata, precision), target)


def finished(model: Any, metadata: ModelMetadata, precision: str) -> bytes:
    """Stores the weights in a precision, shortens names and adds metadata; changes `model`. Returns the bytes of the file.

    A file that would be smaller in int8 than coded, as very small files are, is written so. The precision, the architecture and
    the digest in its metadata are then those of int8: it is the same file.

    Args:
        model: from `simplified_graph`.
        metadata: to be written into the file.
        precision: of the file.
    """
    if is_coded(precision):
        return min((_finished(copy.deepcopy(model), metadata, p) for p in (precision, *INSTEAD_OF_CODED)), key=len)
    return _finished(model, metadata, precision)


def _finished(model: Any, metadata: ModelMetadata, precision: str) -> bytes:
    store(model.graph, precision)
    shorten(model)
    file = frame(stored_in(metadata, precision), precision)
    file.graph.node.extend(model.graph.node)
    file.graph.initializer.extend(model.graph.initializer)
    data: bytes = file.SerializeToString(deterministic=True)
    return sealed(data) if is_coded(precision) else data


def stored_in(metadata: ModelMetadata, precision: str) -> ModelMetadata:
    """The metadata of a file in a precision, which is a field of its architecture and so part of the digest."""
    if metadata.architecture.get("precision") in (precision, None):
        return metadata
    architecture = Architecture.from_dict(metadata.architecture).with_(precision=precision)
    return replace(metadata, architecture=architecture.as_dict(), digest=architecture.digest)


def frame(metadata: ModelMetadata, precision: str) -> Any:
    """The file without its nodes and weights."""
    tensor = onnx.TensorProto.FLOAT
    images = onnx.helper.make_tensor_value_info(INPUT, tensor, ["n", 3, metadata.height_px, "w"])
    logits = onnx.helper.make_tensor_value_info(OUTPUT, tensor, ["n", "t", "v"])
    graph = onnx.helper.make_graph([], "g", [images], [logits])
    opset = onnx.helper.make_opsetid("", OPSET)
    file = onnx.helper.make_model(graph, producer_name="paretext", opset_imports=[opset], ir_version=IR_VERSION)
    written = encode_metadata(metadata, precision, made_with())
    for key, value in (written | ({CHECKSUM: UNSEALED} if is_coded(precision) else {})).items():
        entry = file.metadata_props.add()
        entry.key, entry.value = key, value
    return file


@cache
def made_with() -> Mapping[str, str]:
    """The versions of the libraries that make the file."""
    return {"paretext": version("paretext"), "torch": torch.__version__, "onnx": onnx.__version__}


def computed_from_initialisers(graph: Any, names: Sequence[str]) -> dict[str, NDArray[Any]]:
    """The values of names that the nodes of a graph compute from its initialisers alone, as ONNX Runtime computes them.

    Args:
        graph: not changed.
        names: outputs of nodes.
    """
    if not names:
        return {}
    wanted, nodes = set(names), []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            nodes.append(node)
            wanted.update(node.input)
    initialisers = [tensor for tensor in graph.initializer if tensor.name in wanted]
    outputs = [onnx.helper.make_empty_tensor_value_info(name) for name in names]
    inner = onnx.helper.make_graph(nodes[::-1], "g", [], outputs, initialisers)
    opset = onnx.helper.make_opsetid("", OPSET)
    model = onnx.helper.make_model(inner, opset_imports=[opset], ir_version=IR_VERSION)
    return dict(zip(names, evaluate_constants(model.SerializeToString()), strict=True))
