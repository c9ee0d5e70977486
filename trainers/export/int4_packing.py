"""Four bits a weight: for matrices of many outputs, such as the head of a few thousand characters, and for nothing else.

Decisions:
- Two codes lie in a byte, and standard operators turn them back: BitwiseAnd, BitShift, Concat, Cast, Sub, Mul. ONNX Runtime
  folds them while the file is opened, as it does not with the DequantizeLinear of ONNX's own int4 type (opset 21), nor with
  arithmetic in fp16.
- Up to 32 weights of a sum share a scale, in fp16: a 16th of a byte each. Each block's scale is the one of a few that leaves
  the least squared error: with 15 steps, cutting off the largest weight often pays.
- Which matrices: by shape alone, so the size estimate makes the same choice.
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
"""A matrix with fewer outputs stays int8: what it would save is less than a convolution brings."""
BLOCK = (16, 32)
"""Fewest and most weights that share a scale; where no number in between divides a sum, all of it shares one."""
SHRINKINGS = np.linspace(0.6, 1.0, 17)
"""Shares of a block's largest weight that the largest code may stand for."""
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
"""Operator, inputs, output, attributes; the last output is the weight itself."""


def is_for(shape: Sequence[int], axes: Sequence[int] | None) -> bool:
    """Whether a weight of this shape, with scales along `axes`, may be stored in four bits."""
    return len(shape) == 2 and axes is not None and len(axes) == 1 and shape[axes[0]] >= LEAST_OUTPUTS and prod(shape) % 2 == 0


def blocked_shape(shape: Sequence[int], axes: Sequence[int]) -> tuple[tuple[int, int, int], int]:
    """The matrix with its sum cut into blocks, and the axis that runs inside a block."""
    outputs = axes[0] % 2
    summed = shape[1 - outputs]
    size = max((b for b in range(BLOCK[0], BLOCK[1] + 1) if summed % b == 0), default=summed)
    return ((shape[0], summed // size, size), 2) if outputs == 0 else ((summed // size, size, shape[1]), 1)


def packed_bytes(shape: Sequence[int], axes: Sequence[int]) -> int:
    """Bytes in the file: codes, scales, constants and nodes."""
    blocked, inside = blocked_shape(shape, axes)
    scales = [1 if axis == inside else size for axis, size in enumerate(blocked)]
    tensors = tensor_bytes((prod(shape) // 2,), 1) + tensor_bytes(scales, 2)
    constants = 2 * tensor_bytes((), 1) + tensor_bytes((), 4) + tensor_bytes((3,), 8) + tensor_bytes((2,), 8)
    return tensors + constants + sum(node_bytes(op, len(inputs), attributes=more) for op, inputs, _, more in STEPS)


def quantize(value: NDArray[np.float32], axes: Sequence[int]) -> tuple[NDArray[np.uint8], NDArray[np.float16]]:
    """Codes from 0 to 15 around 8, and the scales that turn them back.

    Args:
        value: a matrix that `is_for` lets in.
        axes: the one that runs over its outputs.

    Returns:
        Codes in blocks, as `blocked_shape` has it, and scales that broadcast to them.
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
    """From -8 to 7, as numbers."""
    codes: NDArray[np.float32] = np.clip(np.rint(blocks / scales.astype(np.float32)), -8, 7)
    return codes


def packed(name: str, value: NDArray[np.float32], axes: Sequence[int]) -> tuple[list[Any], list[Any]]:
    """Initialisers and nodes that give the weight under its name."""
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
