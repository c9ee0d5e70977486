"""The nodes that decode coded weights: standard ONNX operators (opset 18), which ONNX Runtime runs when it opens the file.

Decisions:
- One blob holds the weights of all tensors, so the graph is there once. Each further tensor costs a few bytes: its place in a
  Split, a Reshape, and its dimensions in the narrowest whole numbers.
- All inputs are constants, so constant folding leaves fp32 weights and nothing of the decoder. With folding switched off, the
  nodes run for every line and give the same weights.
- The step of a channel is coded, too: by how many quarters of an octave it differs from the middle one of its tensor.
- A vector, such as biases, is one channel, with a fine step.
- Numbers are bytes as long as they can be: ONNX Runtime keeps every result until the file is open. A code is the unary part and
  the low bits behind each other. Its last bit tells the sign; for a negative one all others are inverted: two's complement.
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

from trainers.export.coded.channels import FINE, LEVELS_PER_OCTAVE, ChannelCodes, step_values
from trainers.export.coded.graph_builder import GraphBuilder
from trainers.export.coded.rice import ESCAPE, ESCAPED, LOW_BITS, Packed, best_form, pack

PREFIX = "coded"
"""Beginning of the names of the decoder's values: no name that torch writes begins so."""


ESCAPE_BYTES = 400
"""What the nodes take that decode escapes: a file has them where they save more."""
UINT8, UINT32 = onnx.TensorProto.UINT8, onnx.TensorProto.UINT32
INT8, INT32, BOOL = onnx.TensorProto.INT8, onnx.TensorProto.INT32, onnx.TensorProto.BOOL


@dataclass(frozen=True)
class CodedTensor:
    """A weight to be coded.

    Attributes:
        name: under which nodes read it.
        shape: its dimensions.
        axes: the axes of its channels, first to last.
        step: of its codes, as a fraction of the root mean square of a channel; tensors with equal steps share their low bits.
            A vector has no axes of channels.
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
    forms: dict[float, int] = {}
    for step in {tensor.step for tensor in tensors}:
        codes = [tensor.channels.codes.ravel() for tensor in tensors if tensor.step == step]
        forms[step] = best_form(np.concatenate(codes), escape_bytes=ESCAPE_BYTES)
    ordered = sorted(tensors, key=lambda tensor: (forms[tensor.step] != ESCAPED, -forms[tensor.step]))
    steps = _Steps.of(ordered)
    groups = [(tensor.channels.codes.ravel(), forms[tensor.step]) for tensor in ordered]
    fewest = min((form for _, form in groups if form != ESCAPED), default=LOW_BITS[-1])
    packed = pack([*groups, (steps.offsets, best_form(steps.offsets, most=fewest))])
    graph = GraphBuilder(PREFIX)
    _restore(graph, ordered, _scaled(graph, ordered, steps, _unpacked(graph, packed)))
    return graph.tensors, graph.nodes


@dataclass(frozen=True)
class _Steps:
    """The steps of all channels: place = offset + middle, and the place of a step in the table of steps.

    Attributes:
        least: exponent of the first step in the table, a power of two.
        octaves: of the table.
        middles: place of each tensor's middle step.
        offsets: of each channel (C,).
    """

    least: int
    octaves: int
    middles: list[int]
    offsets: NDArray[np.int64]

    @classmethod
    def of(cls, tensors: Sequence[CodedTensor]) -> _Steps:
        exponents = [tensor.channels.exponents for tensor in tensors]
        first, last = (int(of([of(each) for each in exponents])) // LEVELS_PER_OCTAVE for of in (np.min, np.max))
        places = [each - first * LEVELS_PER_OCTAVE for each in exponents]
        middles = [int(np.median(each)) for each in places]
        offsets = np.concatenate([each - middle for each, middle in zip(places, middles, strict=True)])
        return cls(first * LEVELS_PER_OCTAVE, last - first + 1, middles, offsets)

    def table(self, graph: GraphBuilder) -> str:
        """The name of the table of steps, fp32."""
        powers = step_values(self.least + LEVELS_PER_OCTAVE * np.arange(self.octaves))
        steps = graph.node("Mul", graph.constant(powers[:, None], np.float32), graph.constant(FINE, np.float32))
        return graph.flat(steps)


def _unpacked(graph: GraphBuilder, packed: Packed) -> str:
    """Adds the nodes that unpack codes; returns the name of the codes (n,), int8 or int32. `rice.unpack` does it in numpy."""
    is_small = packed.largest <= np.iinfo(np.uint8).max
    kind, signed, number = (UINT8, INT8, np.uint8) if is_small else (UINT32, INT32, np.uint32)
    one = graph.constant(1, number)

    def widened(bits: str) -> str:
        return bits if is_small else graph.cast(bits, kind)

    def with_bit(begin: str, bit: str) -> str:
        return graph.node("BitwiseOr", graph.node("BitShift", begin, one, direction="LEFT"), widened(bit))

    blob = graph.constant(packed.data[:, None], np.uint8)
    shifted = graph.node("BitShift", blob, graph.constant(range(7, -1, -1), np.uint8), direction="RIGHT")
    bits = graph.flat(graph.node("BitwiseAnd", shifted, graph.constant(1, np.uint8)))
    unary, *planes = graph.split(bits, graph.integers(packed.parts), len(packed.parts))[:-1]
    code = graph.node("CumSum", graph.cast(unary, INT32), graph.constant(0, np.int64), exclusive=1)
    is_zero = widened(graph.node("BitwiseXor", unary, graph.constant(1, np.uint8)))
    sizes = (*packed.rice.values(), *((packed.escapes,) if packed.escaped else ()))
    begun = graph.filled(sum(packed.rice.values()), 0, number)
    if packed.escaped:
        begun = graph.node("Concat", begun, graph.filled(packed.escapes, ESCAPE, number), axis=0)
    counts = graph.node("ScatterElements", begun, code, is_zero, reduction="add")
    pieces = graph.split(counts, graph.integers(sizes), len(sizes)) if len(sizes) > 1 else [counts]
    codes, *groups = pieces[: len(packed.rice)]
    lows = list(packed.rice)[1:]
    for place, bit in zip(packed.places, planes, strict=False):
        if lows and lows[0] == place + 1:
            lows, codes = lows[1:], graph.node("Concat", codes, groups.pop(0), axis=0)
        codes = with_bit(codes, bit)
    codes = graph.node("Concat", codes, groups.pop(), axis=0) if groups else codes  # without low bits
    if packed.escaped:
        high, low = planes[-2:]
        is_more = graph.node("BitwiseAnd", high, low)
        nth = graph.node("CumSum", graph.cast(is_more, INT32), graph.constant(0, np.int64))  # NonZero would not be folded
        more = graph.node("Gather", graph.node("Concat", graph.constant([0], number), pieces[-1], axis=0), nth)
        two_bits = graph.node("Where", graph.cast(is_more, BOOL), more, with_bit(widened(high), low))
        codes = graph.node("Concat", two_bits, codes, axis=0)
    is_negative = graph.cast(graph.node("BitwiseAnd", codes, one), BOOL)
    inverted = graph.node("Where", is_negative, graph.constant(np.iinfo(number).max, number), graph.constant(0, number))
    return graph.cast(graph.node("BitwiseXor", graph.node("BitShift", codes, one, direction="RIGHT"), inverted), signed)


def _scaled(graph: GraphBuilder, tensors: Sequence[CodedTensor], steps: _Steps, codes: str) -> list[str]:
    """Adds the nodes that multiply codes by the steps of their channels; returns the weights (n,) of each tensor.

    Args:
        graph: the nodes are added to it.
        tensors: as they are coded.
        steps: of their channels.
        codes: name of the codes of all weights, and behind them of the steps' offsets.
    """
    shapes = [tensor.channels.codes.shape for tensor in tensors]
    count, of_channels = sum(c * n for c, n in shapes), len(steps.offsets)
    codes, offsets = graph.split(codes, graph.integers((count, of_channels)), 2)
    channels = graph.integers([channels for channels, _ in shapes])
    lengths = graph.integers([length for _, length in shapes])
    tensor_of_channel = graph.owners(channels, len(tensors), of_channels)
    length_of_channel = graph.node("Gather", lengths, tensor_of_channel)
    channel_of_weight = graph.owners(length_of_channel, of_channels, count)
    middle_of_channel = graph.node("Gather", graph.integers(steps.middles), tensor_of_channel)
    places = graph.node("Add", graph.cast(offsets, onnx.TensorProto.INT64), middle_of_channel)
    step_of_weight = graph.node("Gather", graph.node("Gather", steps.table(graph), places), channel_of_weight)
    weights = graph.node("Mul", graph.cast(codes, onnx.TensorProto.FLOAT), step_of_weight)
    vectors = {i: tensor.name for i, tensor in enumerate(tensors) if len(tensor.shape) == 1}
    return graph.split(weights, graph.node("Mul", channels, lengths), len(tensors), vectors)


def _restore(graph: GraphBuilder, tensors: Sequence[CodedTensor], pieces: Sequence[str]) -> None:
    """Adds the nodes that give the weights (n,) of each tensor but the vectors its shape, and its name."""
    shaped = [(tensor, piece) for tensor, piece in zip(tensors, pieces, strict=True) if len(tensor.shape) > 1]
    if not shaped:
        return
    coded_shapes = [tuple(tensor.shape[axis] for axis in tensor.order) for tensor, _ in shaped]
    ranks = graph.integers([len(shape) for shape in coded_shapes])
    sizes = graph.split(graph.integers([size for shape in coded_shapes for size in shape]), ranks, len(shaped))
    for (tensor, piece), size in zip(shaped, sizes, strict=True):
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
