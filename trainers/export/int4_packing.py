"""Stores weights in four bits: only matrices with many outputs, such as the head of a few thousand characters.

Decisions:
- A byte holds two codes. Standard operators convert them to fp32: BitwiseAnd, BitShift, Concat, Cast, Sub, Mul. ONNX Runtime
  folds these when it opens the file. It does not fold the DequantizeLinear of ONNX's own int4 type (opset 21), nor arithmetic
  in fp16.
- Up to 32 weights of a sum have one scale, in fp16, which takes a 16th of a byte for each of them. A few scales are tried for
  each block, and the one with the least squared error is kept: with 15 steps it is often better to clip the largest weight.
- Only the shape decides which matrices are stored in four bits, so that the size estimate makes the same choice.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from trainers.export.protobuf import node_bytes, tensor_bytes

LEAST_OUTPUTS = 1000
"""A matrix with fewer outputs stays int8: four bits would save fewer bytes than one convolution takes."""
BLOCK = (16, 32)
"""Fewest and most weights of a block, which have one scale. If no number in between divides a sum, the whole sum is a block."""
SHRINKINGS = np.linspace(0.6, 1.0, 17)
"""Fractions of a block's largest weight that are tried as the value of the largest code."""
STEPS: tuple[tuple[str, tuple[str, ...], str, dict[str, int | str]], ...] = (
    ("BitwiseAnd", ("packed", "low"), "first", {}),
    ("BitShift", ("packed", "four"), "second", {"direction": "RIGHT"}),
    ("Concat", ("first", "second"), "codes", {"axis": 0}),
    ("Reshape", ("codes", "blocks"), "blocked", {}),
    ("Cast", ("blocked",), "numbers", {"to": onnx.TensorProto.FLOAT}),
    ("Sub", ("numbers", "eight"), "centred", {}),
    ("Cast", ("scales",), "steps", {"to": onnx.TensorProto.FLOAT}),
    ("Mul", ("centred", "steps"), "scaled", {}),
    ("Reshape", ("scaled", "shape"), "", {}),
)
"""The nodes that convert a packed weight to fp32: operator, inputs, output, attributes. The last output is the weight."""


def is_for(shape: Sequence[int], axes: Sequence[int] | None) -> bool:
    """Whether a weight of this shape, with one scale per index of `axes`, may be stored in four bits."""
    return len(shape) == 2 and axes is not None and len(axes) == 1 and shape[axes[0]] >= LEAST_OUTPUTS and prod(shape) % 2 == 0


def blocked_shape(shape: Sequence[int], axes: Sequence[int]) -> tuple[tuple[int, int, int], int]:
    """The shape of a matrix whose sums are cut into blocks, and the axis that runs inside a block."""
    outputs = axes[0] % 2
    summed = shape[1 - outputs]
    size = max((b for b in range(BLOCK[0], BLOCK[1] + 1) if summed % b == 0), default=summed)
    return ((shape[0], summed // size, size), 2) if outputs == 0 else ((summed // size, size, shape[1]), 1)


def packed_bytes(shape: Sequence[int], axes: Sequence[int]) -> int:
    """Bytes of a packed weight in the file: codes, scales, constants and nodes."""
    blocked, inside = blocked_shape(shape, axes)
    scales = [1 if axis == inside else size for axis, size in enumerate(blocked)]
    tensors = tensor_bytes((prod(shape) // 2,), 1) + tensor_bytes(scales, 2)
    constants = 2 * tensor_bytes((), 1) + tensor_bytes((), 4) + tensor_bytes((3,), 8) + tensor_bytes((2,), 8)
    return tensors + constants + sum(node_bytes(op, len(inputs), attributes=more) for op, inputs, _, more in STEPS)


def quantize(value: NDArray[np.float32], axes: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Quantises a matrix to 4-bit codes: weight = (code - 8) * scale.

    Args:
        value: a matrix that `is_for` accepts.
        axes: the axis of its outputs.

    Returns:
        Codes from 0 to 15 in the shape of `blocked_shape`, and scales that broadcast to them.
    """
    shape, inside = blocked_shape(value.shape, axes)
    blocks = value.reshape(shape)
    largest = np.maximum(np.abs(blocks).max(axis=inside, keepdims=True), 1e-6)
    best = (largest / 7).astype(np.float16)
    least = np.full(largest.shape, np.inf, np.float32)
    for shrinking in SHRINKINGS:
        scales = (largest * shrinking / 7).astype(np.float16)
        restored = _codes(blocks, scales) * scales.astype(np.float32)
        error = np.square(restored - blocks).sum(axis=inside, keepdims=True)
        best, least = np.where(error < least, scales, best), np.minimum(error, least)
    return (_codes(blocks, best) + 8).astype(np.uint8), best


def _codes(blocks: NDArray[np.float32], scales: NDArray[np.float16]) -> NDArray[np.float32]:
    """Codes from -8 to 7, as fp32."""
    codes: NDArray[np.float32] = np.clip(np.rint(blocks / scales.astype(np.float32)), -8, 7)
    return codes


def packed(name: str, value: NDArray[np.float32], axes: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """The initialisers and nodes that compute a weight under its name, from its packed codes."""
    codes, scales = quantize(value, axes)
    flat, half = codes.ravel(), codes.size // 2
    held = {
        "packed": flat[:half] | (flat[half:] << 4),
        "scales": scales,
        "low": np.uint8(15),
        "four": np.uint8(4),
        "eight": np.float32(8),
        "blocks": np.array(codes.shape, np.int64),
        "shape": np.array(value.shape, np.int64),
    }
    tensors = [numpy_helper.from_array(np.asarray(each), f"{name}.{key}") for key, each in held.items()]
    nodes = [
        helper.make_node(op, [f"{name}.{i}" for i in inputs], [f"{name}.{output}" if output else name], **more)
        for op, inputs, output, more in STEPS
    ]
    return tensors, nodes
