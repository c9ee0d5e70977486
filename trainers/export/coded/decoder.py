"""The nodes that decode coded weights: standard ONNX operators (opset 18), which ONNX Runtime runs when it opens the file.

Decisions:
- One blob holds the weights of all tensors, so the graph is there once. Each further tensor costs a few bytes: its place in a
  Split, a Reshape, and its dimensions in the narrowest whole numbers.
- All inputs are constants, so constant folding leaves fp32 weights and nothing of the decoder. With folding switched off, the
  nodes run for every line and give the same weights.
- Numbers are bytes as long as they can be: ONNX Runtime keeps every result until the file is open. A code is the unary part and
  the low bits behind each other; for a negative one all bits are inverted, which is its two's complement.
- Names are long here; `trainers.export.names` shortens them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper

from trainers.export.coded.channels import ChannelCodes, step_values
from trainers.export.coded.graph_builder import GraphBuilder
from trainers.export.coded.rice import Packed, best_low_bits, pack

PREFIX = "coded"
"""Beginning of the names of the decoder's values: no name that torch writes begins so."""


UINT8, UINT32 = onnx.TensorProto.UINT8, onnx.TensorProto.UINT32
INT8, INT32 = onnx.TensorProto.INT8, onnx.TensorProto.INT32


@dataclass(frozen=True)
class CodedTensor:
    """A weight to be coded.

    Attributes:
        name: under which nodes read it.
        shape: its dimensions.
        axes: the axes of its channels, first to last.
        step: of its codes, as a fraction of the root mean square of a channel; tensors with equal steps share their low bits.
        channels: its codes (C, n), channels in the order of `axes`.
    """

    name: str
    shape: tuple[int, ...]
    axes: tuple[int, ...]
    step: float
    channels: ChannelCodes

    @property
    def order(self) -> tuple[int, ...]:
        """The tensor's axes as they are coded: those of the channels first."""
        return coded_order(len(self.shape), self.axes)

    def values(self) -> NDArray[np.float32]:
        """The weight that the decoder gives."""
        rows = self.channels.codes.astype(np.float32) * step_values(self.channels.exponents)[:, None]
        coded = rows.reshape([self.shape[axis] for axis in self.order])
        return coded.transpose(np.argsort(self.order))


def coded(tensors: Sequence[CodedTensor]) -> tuple[list[Any], list[Any]]:
    """Codes weights.

    Args:
        tensors: at least one, each with at least one weight.

    Returns:
        Initialisers, and nodes that compute each weight under its name.
    """
    low_bits: dict[float, int] = {}
    for step in {tensor.step for tensor in tensors}:
        codes = [tensor.channels.codes.ravel() for tensor in tensors if tensor.step == step]
        low_bits[step] = best_low_bits(np.concatenate(codes))
    ordered = sorted(tensors, key=lambda tensor: -low_bits[tensor.step])
    packed = pack([(tensor.channels.codes.ravel(), low_bits[tensor.step]) for tensor in ordered])
    graph = GraphBuilder(PREFIX)
    _restore(graph, ordered, _scaled(graph, ordered, _unpacked(graph, packed)))
    return graph.tensors, graph.nodes


def _unpacked(graph: GraphBuilder, packed: Packed) -> str:
    """Adds the nodes that unpack codes; returns the name of the codes (n,), in fp32. `rice.unpack` does the same in numpy."""
    is_small = packed.largest <= np.iinfo(np.int8).max
    kind, signed = (UINT8, INT8) if is_small else (UINT32, INT32)
    flat = graph.constant([-1], np.int64)
    blob = graph.constant(packed.data[:, None], np.uint8)
    shifted = graph.node("BitShift", blob, graph.constant(range(7, -1, -1), np.uint8), direction="RIGHT")
    bits = graph.node("Reshape", graph.node("BitwiseAnd", shifted, graph.constant(1, np.uint8)), flat)
    parts = (packed.unary, *packed.planes, packed.padding)
    unary, *planes = graph.split(bits, graph.integers(parts), len(parts))[:-1]
    code = graph.node("CumSum", graph.cast(unary, INT32), graph.constant(0, np.int64), exclusive=1)
    is_zero = graph.node("BitwiseXor", unary, graph.constant(1, np.uint8))
    if not is_small:
        is_zero, planes = graph.cast(is_zero, kind), [*(graph.cast(plane, kind) for plane in planes[:-1]), planes[-1]]
    codes = graph.node("ScatterElements", graph.filled(packed.planes[-1], 0, kind), code, is_zero, reduction="add")
    one, ones = (graph.constant(value, np.uint8 if is_small else np.uint32) for value in (1, 2 ** (8 if is_small else 32) - 1))
    for bit, size in zip(planes[:-1], packed.planes[:-1], strict=True):
        begin, *rest = [codes]
        if size < packed.planes[-1]:
            begin, *rest = graph.split(codes, graph.integers((size, packed.planes[-1] - size)), 2)
        codes = graph.node("BitwiseOr", graph.node("BitShift", begin, one, direction="LEFT"), bit)
        if rest:
            codes = graph.node("Concat", codes, *rest, axis=0)
    zero = graph.constant(0, np.uint8 if is_small else np.uint32)
    inverted = graph.node("Where", graph.cast(planes[-1], onnx.TensorProto.BOOL), ones, zero)
    return graph.cast(graph.cast(graph.node("BitwiseXor", codes, inverted), signed), onnx.TensorProto.FLOAT)


def _scaled(graph: GraphBuilder, tensors: Sequence[CodedTensor], codes: str) -> list[str]:
    """Adds the nodes that multiply the codes (n,) by the steps of their channels; returns the weights (n,) of each tensor."""
    shapes = [tensor.channels.codes.shape for tensor in tensors]
    exponents = np.concatenate([tensor.channels.exponents for tensor in tensors])
    levels, indices = np.unique(exponents, return_inverse=True)
    channels = graph.integers([channels for channels, _ in shapes])
    lengths = graph.integers([length for _, length in shapes])
    tensor_of_channel = graph.node("Sub", graph.owners(channels, len(tensors), len(exponents)), graph.constant(1, np.int32))
    length_of_channel = graph.node("Gather", lengths, tensor_of_channel)
    channel_of_weight = graph.owners(length_of_channel, len(exponents), sum(c * n for c, n in shapes))
    places = graph.integers([0, *indices.ravel().tolist()])  # owners count from 1
    step_of_channel = graph.node("Gather", graph.constant(step_values(levels), np.float32), places)
    weights = graph.node("Mul", codes, graph.node("Gather", step_of_channel, channel_of_weight))
    return graph.split(weights, graph.node("Mul", channels, lengths), len(tensors))


def _restore(graph: GraphBuilder, tensors: Sequence[CodedTensor], pieces: Sequence[str]) -> None:
    """Adds the nodes that give the weights (n,) of each tensor its shape, and its name."""
    coded_shapes = [tuple(tensor.shape[axis] for axis in tensor.order) for tensor in tensors]
    ranks = graph.integers([len(shape) for shape in coded_shapes])
    sizes = graph.split(graph.integers([size for shape in coded_shapes for size in shape]), ranks, len(tensors))
    for tensor, piece, size in zip(tensors, pieces, sizes, strict=True):
        graph.nodes += shaping_nodes(piece, size, tensor)


def shaping_nodes(piece: str, size: str, tensor: CodedTensor) -> list[Any]:
    """The nodes that give the weights `piece` (n,) of a tensor its shape and its name.

    Args:
        piece: name of its weights in the order in which they are coded.
        size: name of its dimensions in that order.
        tensor: the tensor.
    """
    if tensor.order == tuple(range(len(tensor.shape))):
        return [helper.make_node("Reshape", [piece, size], [tensor.name])]
    turned = f"{tensor.name}.{PREFIX}"
    back = [int(axis) for axis in np.argsort(tensor.order)]
    return [
        helper.make_node("Reshape", [piece, size], [turned]),
        helper.make_node("Transpose", [turned], [tensor.name], perm=back),
    ]


def coded_order(rank: int, axes: Sequence[int]) -> tuple[int, ...]:
    """The axes of a weight of `rank` dimensions in the order in which it is coded: those of the channels first."""
    return (*axes, *(axis for axis in range(rank) if axis not in axes))
