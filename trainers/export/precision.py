"""Stores the weights of a file in fp32, fp16, int8 with a scale per output channel, int4, or coded. They compute in fp32.

Decisions:
- Only storage changes. Standard operators (Cast, Mul) convert a weight to fp32, and ONNX Runtime folds them when it opens the
  file, so reading is as fast as with fp32 weights.
- `Cast` and `Mul` take about as many bytes as `DequantizeLinear`, which ONNX Runtime does not fold but runs for every line.
  One `Mul` is also enough for the scales of a recurrent layer (directions x gates).
- Each tensor gets the form with the fewest bytes that the precision allows, including nodes and scales: a bias of 12 stays
  fp32. The choice depends on shapes only, so that the size estimate makes the same choice (`how_stored`).
- int8 is for weights that are summed over (convolutions, matrix products, recurrent layers). Everything else, such as biases,
  is stored in fp16 at best. int4 differs from int8 only for matrices with very many outputs (`int4_packing`).
- A coded file has the weights of all tensors in one entropy code (`trainers.export.coded`), and vectors with them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from search_space.coded_precision import CODED, is_coded, step_percent
from trainers.export import int4_packing
from trainers.export.coded.decoder import coded
from trainers.export.coded.storing import LEAST_VECTOR, STEP, code_tensor, coded_bytes, decoder_bytes, vector_bytes
from trainers.export.constants import CONSTANT
from trainers.export.protobuf import node_bytes, tensor_bytes

Storage = Literal["fp32", "fp16", "int8", "int4", "vector", "coded"]
ALLOWED: dict[str, tuple[Storage, ...]] = {
    "fp32": ("fp32",),
    "fp16": ("fp32", "fp16"),
    "int8": ("fp32", "fp16", "int8"),
    "int4": ("fp32", "fp16", "int8", "int4"),
    "coded": ("fp32", "fp16", "int8", "vector", "coded"),
}
"""Precision of a file, whatever its step, to the forms in which its tensors may be stored, most precise first."""

CAST_BYTES = node_bytes("Cast", inputs=1, attributes={"to": 1})
"""Bytes of the node that casts a stored weight to fp32."""
MUL_BYTES = node_bytes("Mul", inputs=2)
"""Bytes of the node that multiplies a weight by its scales."""

CHANNEL_AXES: dict[tuple[str, int], tuple[int, ...]] = {
    ("Conv", 1): (0,),
    ("ConvTranspose", 1): (1,),
    ("MatMul", 1): (-1,),
    ("GRU", 1): (0, 1),
    ("GRU", 2): (0, 1),
    ("LSTM", 1): (0, 1),
    ("LSTM", 2): (0, 1),
    ("Gather", 0): (0,),
}
"""Operator and input to the axes along which every index has its own scale. Gemm is apart: its axis depends on attributes."""


def scale_shape(shape: Sequence[int], axes: Sequence[int]) -> tuple[int, ...]:
    """Shape of the scales: that of the tensor along `axes`, and 1 along the others."""
    kept = {axis % len(shape) for axis in axes}
    return tuple(size if i in kept else 1 for i, size in enumerate(shape))


def stored_bytes(shape: Sequence[int], axes: Sequence[int] | None, storage: Storage, step: float = STEP) -> int:
    """Bytes of a weight in the file: its tensors and the nodes that convert it to fp32.

    Bytes of a coded weight are an estimate, and exclude what all coded weights and vectors have in common (`common_bytes`).

    Args:
        shape: of a float tensor.
        axes: axes along which every index has its own scale.
        storage: its form.
        step: of coded weights (`step_of`).
    """
    if storage == "fp32":
        return tensor_bytes(shape, 4)
    if storage == "fp16":
        return tensor_bytes(shape, 2) + CAST_BYTES
    if storage == "vector":
        return vector_bytes(shape[0], step)
    assert axes is not None
    if storage == "int4":
        return int4_packing.packed_bytes(shape, axes)
    if storage == "coded":
        return coded_bytes(shape, axes, step)
    return tensor_bytes(shape, 1) + tensor_bytes(scale_shape(shape, axes), 4) + CAST_BYTES + MUL_BYTES


def how_stored(shape: Sequence[int], axes: Sequence[int] | None, precision: str, is_constant: bool = False) -> Storage:
    """The form with the fewest bytes that `precision` allows.

    Args:
        shape: of a float tensor.
        axes: axes along which every index has its own scale; None for a tensor that is not stored in int8.
        precision: of the file.
        is_constant: whether it is a constant of the network's code, which is no vector to be coded.
    """
    has_channels = axes is not None and 0 not in shape
    fits = {
        "int8": axes is not None,
        "int4": int4_packing.is_for(shape, axes),
        "vector": len(shape) == 1 and shape[0] >= LEAST_VECTOR and not is_constant,
        "coded": has_channels,
    }
    forms = ALLOWED[CODED if is_coded(precision) else precision]
    allowed = [storage for storage in forms if fits.get(storage, True)]
    return min(allowed, key=lambda storage: stored_bytes(shape, axes, storage, step_of(precision)))


def common_bytes(precision: str) -> int:
    """Bytes that a file of this precision takes once, for the nodes that decode all its weights."""
    return decoder_bytes(step_of(precision)) if is_coded(precision) else 0


def step_of(precision: str) -> float:
    """Step of coded weights as a fraction of the root mean square of a channel; the usual one where none are coded."""
    percent = step_percent(precision)
    return STEP if percent is None else percent / 100


def store(graph: Any, precision: str) -> None:
    """Stores every float initialiser of a graph in its form (`how_stored`) and adds the nodes that convert it to fp32.

    Args:
        graph: changed in place.
        precision: of the file.
    """
    axes, step, divisors = channel_axes(graph), step_of(precision), _divisors(graph)
    new: list[Any] = []
    added: list[Any] = []
    to_code = []
    for tensor in graph.initializer:
        value, name = numpy_helper.to_array(tensor), tensor.name
        storage = _storage(tensor, value, axes.get(name), precision, name in divisors)
        if storage in ("coded", "vector"):
            to_code.append(code_tensor(name, value, axes.get(name, ()), step))
        else:
            tensors_of_it, nodes_of_it = _stored_alone(name, value, storage, axes.get(name))
            new += tensors_of_it
            added += nodes_of_it
    if to_code:
        tensors_of_it, nodes_of_it = coded(to_code)
        new += tensors_of_it
        added += nodes_of_it
    del graph.initializer[:]
    graph.initializer.extend(new)
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in (*added, *graph.node)]
    del graph.node[:]
    graph.node.extend(copies)


def _divisors(graph: Any) -> set[str]:
    """What nodes divide by, such as variances, or take to a power: a coded vector may have zeros for its smallest numbers.

    A file that is stored anew does not say which of its tensors are constants of the code, which divide in timm models.
    """
    divisors = {name for node in graph.node if node.op_type in ("Div", "Pow", "Reciprocal") for name in node.input}
    return divisors | {node.input[4] for node in graph.node if node.op_type == "BatchNormalization"}


def _storage(tensor: Any, value: NDArray[Any], axes: Sequence[int] | None, precision: str, is_divisor: bool) -> Storage:
    """The form of a tensor: that of its shape, or fp32 where the form cannot hold its values."""
    if tensor.data_type != onnx.TensorProto.FLOAT:
        return "fp32"
    storage = how_stored(tensor.dims, axes, precision, is_divisor or tensor.doc_string == CONSTANT)
    if storage == "fp16" and np.abs(value).max(initial=0) > np.finfo(np.float16).max:
        return "fp32"
    return "fp32" if storage in ("coded", "vector") and not np.isfinite(value).all() else storage


def _stored_alone(
    name: str, value: NDArray[Any], storage: Storage, axes: tuple[int, ...] | None
) -> tuple[list[Any], list[Any]]:
    """The initialisers and nodes of a tensor that shares none with others."""
    if storage == "fp32":
        return [_raw(value, name)], []
    if storage == "fp16":
        return [_raw(value.astype(np.float16), f"{name}.h")], [_cast(f"{name}.h", name)]
    assert axes is not None
    if storage == "int4":
        return int4_packing.packed(name, value, axes)
    codes, scales = quantize(value, axes)
    scaled = helper.make_node("Mul", [f"{name}.f", f"{name}.s"], [name])
    return [_raw(codes, f"{name}.q"), _raw(scales, f"{name}.s")], [_cast(f"{name}.q", f"{name}.f"), scaled]


def quantize(value: NDArray[np.float32], axes: Sequence[int]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantises a weight to int8: weight = code * scale.

    Args:
        value: a weight of any shape.
        axes: axes along which every index has its own scale.

    Returns:
        Codes in [-127, 127] in the shape of `value`, and scales that broadcast to it.
    """
    kept = {axis % value.ndim for axis in axes}
    others = tuple(i for i in range(value.ndim) if i not in kept)
    scales = (np.abs(value).max(axis=others, keepdims=True) / 127.0).astype(np.float32)
    scales[scales == 0] = 1.0
    return np.clip(np.rint(value / scales), -127, 127).astype(np.int8), scales


def channel_axes(graph: Any) -> dict[str, tuple[int, ...]]:
    """Axes of the scales of each initialiser that may be stored in int8: one that all nodes read with the same axes."""
    ranks = {tensor.name: len(tensor.dims) for tensor in graph.initializer}
    found: dict[str, set[tuple[int, ...] | None]] = {}
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name in ranks:
                axes = _axes_of(node, i)
                found.setdefault(name, set()).add(axes and tuple(sorted(a % ranks[name] for a in axes)))
    return {name: axes for name, each in found.items() if len(each) == 1 and (axes := next(iter(each))) and ranks[name] > 1}


def _axes_of(node: Any, index: int) -> tuple[int, ...] | None:
    if node.op_type == "Gemm" and index == 1:
        transposed = any(a.name == "transB" and a.i for a in node.attribute)
        return (0,) if transposed else (1,)
    return CHANNEL_AXES.get((node.op_type, index))


def _cast(source: str, target: str) -> Any:
    return helper.make_node("Cast", [source], [target], to=onnx.TensorProto.FLOAT)


def _raw(value: NDArray[Any], name: str) -> Any:
    return numpy_helper.from_array(np.asarray(value, order="C"), name)
