"""Stores the weights of a file in fp32, fp16, int8 with one scale per output channel, or int4. Files always compute in fp32.

Decisions:
- Only storage changes. Standard operators (Cast, Mul) convert a weight to fp32, and ONNX Runtime folds them when it opens the
  file, so reading is as fast as with fp32 weights.
- `Cast` and `Mul` take about as many bytes as `DequantizeLinear`, which ONNX Runtime does not fold but runs for every line.
  One `Mul` is also enough for the scales of a recurrent layer (directions x gates).
- Each tensor gets the form with the fewest bytes that the precision allows, including nodes and scales: a bias of 12 stays
  fp32. The choice depends on shapes only, so that the size estimate makes the same choice (`how_stored`).
- int8 is for weights that are summed over (convolutions, matrix products, recurrent layers). Everything else, such as biases,
  is stored in fp16 at best. int4 differs from int8 only for matrices with very many outputs (`int4_packing`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from trainers.export import int4_packing
from trainers.export.protobuf import node_bytes, tensor_bytes

Storage = Literal["fp32", "fp16", "int8", "int4"]
ALLOWED: dict[str, tuple[Storage, ...]] = {
    "fp32": ("fp32",),
    "fp16": ("fp32", "fp16"),
    "int8": ("fp32", "fp16", "int8"),
    "int4": ("fp32", "fp16", "int8", "int4"),
}
"""Precision of a file to the forms in which its tensors may be stored, most precise first."""

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


def stored_bytes(shape: Sequence[int], axes: Sequence[int] | None, storage: Storage) -> int:
    """Bytes of a weight in the file: its tensors and the nodes that convert it to fp32."""
    if storage == "fp32":
        return tensor_bytes(shape, 4)
    if storage == "fp16":
        return tensor_bytes(shape, 2) + CAST_BYTES
    assert axes is not None
    if storage == "int4":
        return int4_packing.packed_bytes(shape, axes)
    return tensor_bytes(shape, 1) + tensor_bytes(scale_shape(shape, axes), 4) + CAST_BYTES + MUL_BYTES


def how_stored(shape: Sequence[int], axes: Sequence[int] | None, precision: str) -> Storage:
    """The form with the fewest bytes that `precision` allows.

    Args:
        shape: of a float tensor.
        axes: axes along which every index has its own scale; None for a tensor that is not stored in int8.
        precision: of the file.
    """
    fits = {"int8": axes is not None, "int4": int4_packing.is_for(shape, axes)}
    allowed = [storage for storage in ALLOWED[precision] if fits.get(storage, True)]
    return min(allowed, key=lambda storage: stored_bytes(shape, axes, storage))


def store(graph: Any, precision: str) -> None:
    """Stores every float initialiser of a graph in its form (`how_stored`) and adds the nodes that convert it to fp32."""
    axes = channel_axes(graph)
    tensors = list(graph.initializer)
    added: list[Any] = []
    new: list[Any] = []
    for tensor in tensors:
        storage: Storage = "fp32"
        if tensor.data_type == onnx.TensorProto.FLOAT:
            storage = how_stored(tensor.dims, axes.get(tensor.name), precision)
        value = numpy_helper.to_array(tensor)
        if storage == "fp16" and np.abs(value).max(initial=0) > np.finfo(np.float16).max:
            storage = "fp32"
        if storage == "fp32":
            new.append(_raw(value, tensor.name))
        elif storage == "fp16":
            new.append(_raw(value.astype(np.float16), f"{tensor.name}.h"))
            added.append(_cast(f"{tensor.name}.h", tensor.name))
        elif storage == "int4":
            tensors_of_it, nodes_of_it = int4_packing.packed(tensor.name, value, axes[tensor.name])
            new += tensors_of_it
            added += nodes_of_it
        else:
            codes, scales = quantize(value, axes[tensor.name])
            new += [_raw(codes, f"{tensor.name}.q"), _raw(scales, f"{tensor.name}.s")]
            added.append(_cast(f"{tensor.name}.q", f"{tensor.name}.f"))
            added.append(helper.make_node("Mul", [f"{tensor.name}.f", f"{tensor.name}.s"], [tensor.name]))
    del graph.initializer[:]
    graph.initializer.extend(new)
    nodes = [*added, *graph.node]
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(copies)


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
