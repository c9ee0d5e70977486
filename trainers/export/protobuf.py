"""Computes the bytes of parts of an ONNX file from shapes, by the rules of the protobuf encoding.

All functions assume names of two characters (`trainers.export.names`) and raw tensor data.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

NAME_BYTES = 2
"""Bytes of the name of a tensor: the export shortens all names to two characters."""


def varint_bytes(value: int) -> int:
    """Bytes of a whole number, 0 or more: each byte holds seven bits."""
    return max(1, -(-value.bit_length() // 7))


def field_bytes(length: int, tag: int = 1) -> int:
    """Bytes of a field of `length` bytes, with its tag and its length before it."""
    return tag + varint_bytes(length) + length


def tensor_bytes(shape: Sequence[int], item_bytes: int) -> int:
    """Bytes of an initialiser in its graph.

    Args:
        shape: its dimensions.
        item_bytes: bytes of one element: 8, 4, 2 or 1.
    """
    dims = sum(1 + varint_bytes(size) for size in shape)
    data_type = 2
    return field_bytes(dims + data_type + field_bytes(NAME_BYTES) + field_bytes(math.prod(shape) * item_bytes))


def node_bytes(op_type: str, inputs: int, outputs: int = 1, attributes: Mapping[str, int | str] | None = None) -> int:
    """Bytes of a node in its graph.

    Args:
        op_type: operator.
        inputs: number of inputs.
        outputs: number of outputs.
        attributes: name to whole number or text.
    """
    ports = (inputs + outputs) * field_bytes(NAME_BYTES)
    kept = 0
    for name, value in (attributes or {}).items():
        held = field_bytes(len(value.encode())) if isinstance(value, str) else 1 + varint_bytes(value)
        kept += field_bytes(field_bytes(len(name)) + held + 3)
    return field_bytes(ports + field_bytes(len(op_type)) + kept)
