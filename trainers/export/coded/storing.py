"""Says how fine the weights of a tensor are coded, and how many bytes that is expected to take.

Decisions:
- Only the shape decides, so that the size estimate makes the same choice as the export.
- Steps differ by powers of two. Low bits then take up the difference, and the unary parts of all tensors have one distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil, prod

import numpy as np
from numpy.typing import NDArray
from onnx import helper

from search_space.coded_precision import USUAL_PERCENT
from trainers.export.coded.channels import quantize_channels
from trainers.export.coded.decoder import ESCAPE_BYTES, CodedTensor, coded, coded_order
from trainers.export.coded.rice import expected_bits, is_escaped
from trainers.export.names import shorten
from trainers.export.protobuf import NAME_BYTES, field_bytes, node_bytes

STEP = USUAL_PERCENT / 100
"""The usual step of the codes as a fraction of the root mean square of a channel."""
DELICATE = 1 / 4
"""What the step of delicate weights is multiplied by: those of depthwise convolutions, whose sums have few weights to average
errors over, of the layer that reads the image, and of tensors with few weights, such as the narrow layers in front."""
FEW = 2000
"""Weights of a tensor from which on it is not delicate for its size."""
OF_VECTORS = 1 / 32
"""What the step of vectors is multiplied by, such as biases and the scales of norms: there are few of them, and each moves a
whole channel."""
LEAST_VECTOR = 5
"""Numbers of a vector from which on it is coded: fewer may be a constant of the code, which a file that is stored anew does not
mark as one."""
IMAGE_CHANNELS = 3
"""Channels of an image: a convolution with so few inputs reads the image."""
OFFSET_BITS = 3.4
"""Bits that the step of a channel takes in the file of a typical network (2.9 to 3.4 were counted)."""
MATRIX = 2
"""Dimensions of a matrix: a weight with more of them is that of a convolution or of a recurrent layer."""
PIECES = 2
"""Outputs of Split nodes that a coded weight takes: its weights and its dimensions."""


def step_of(shape: Sequence[int], step: float = STEP) -> float:
    """Step of a weight's codes as a fraction of the root mean square of a channel.

    Args:
        shape: of the weight.
        step: of an ordinary weight.
    """
    if len(shape) == 1:
        return step * OF_VECTORS
    is_delicate = prod(shape) < FEW or (len(shape) > MATRIX and shape[1] in (1, IMAGE_CHANNELS))
    return step * DELICATE if is_delicate else step


def coded_bytes(shape: Sequence[int], axes: Sequence[int], step: float = STEP) -> int:
    """Expected bytes of a coded weight, without its share of the nodes that decode all of them.

    Args:
        shape: of the weight.
        axes: those of its channels.
        step: of an ordinary weight.
    """
    channels = prod(shape[axis] for axis in axes)
    codes = ceil(prod(shape) * expected_bits(step_of(shape, step)) / 8)
    wide = [1 if most < 256 else 2 for most in (max(shape), channels, prod(shape) // channels)]
    described = len(shape) * wide[0] + 1 + 1 + wide[1] + wide[2] + PIECES * field_bytes(NAME_BYTES)
    return codes + ceil(channels * OFFSET_BITS / 8) + described + _shaping_bytes(len(shape), tuple(axes))


def vector_bytes(size: int, step: float = STEP) -> int:
    """Expected bytes of a coded vector, without its share of the nodes that decode all weights.

    Args:
        size: numbers.
        step: of an ordinary weight.
    """
    described = 1 + 1 + (1 if size < 256 else 2) + field_bytes(NAME_BYTES)
    return ceil((size * expected_bits(step_of((size,), step)) + OFFSET_BITS) / 8) + described


@cache
def _shaping_bytes(rank: int, axes: Sequence[int]) -> int:
    """Bytes of the nodes that give a weight its shape."""
    reshape = node_bytes("Reshape", inputs=2)
    order = coded_order(rank, axes)
    if order == tuple(range(rank)):
        return reshape
    turn = helper.make_node("Transpose", ["ab"], ["cd"], perm=order)
    return reshape + field_bytes(turn.ByteSize())


@cache
def decoder_bytes(step: float = STEP) -> int:
    """Expected bytes of the decoder: what a file with coded weights takes besides `coded_bytes` of each.

    Args:
        step: of an ordinary weight.
    """
    rng = np.random.default_rng(0)
    tensors = []
    for name, shape in (("ordinary", (16, 300)), ("delicate", (16, 1, 5, 5)), ("vector", (300,))):
        weights = rng.normal(size=(shape[0], prod(shape[1:]))).astype(np.float32)
        tensors.append(code_tensor(name, weights.reshape(shape), (0,) if len(shape) > 1 else (), step))
    initialisers, nodes = coded(tensors)
    model = helper.make_model(helper.make_graph(nodes, "g", [], [], initialisers))
    shorten(model)
    taken = sum(field_bytes(part.ByteSize()) for part in (*model.graph.initializer, *model.graph.node))
    of_tensors = (coded_bytes(t.shape, t.axes, step) if t.axes else vector_bytes(t.shape[0], step) for t in tensors)
    return int(taken - sum(of_tensors)) + (ESCAPE_BYTES if is_escaped(step) else 0)


def code_tensor(name: str, weight: NDArray[np.float32], axes: Sequence[int], step: float = STEP) -> CodedTensor:
    """Quantises a weight.

    Args:
        name: under which nodes read it.
        weight: finite numbers.
        axes: those of its channels; none for a vector.
        step: of an ordinary weight.
    """
    own = step_of(weight.shape, step)
    order = coded_order(len(weight.shape), axes)
    channels = prod(weight.shape[axis] for axis in axes)
    rows = weight.transpose(order).reshape(channels, -1)
    return CodedTensor(name, weight.shape, tuple(axes), own, quantize_channels(rows, own))
