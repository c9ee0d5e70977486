"""Removes attributes that have their default value: they take up to two thirds of the bytes of a convolution's node."""

from __future__ import annotations

from functools import cache
from typing import Any

import onnx

from trainers.export.edits import Graph, Node, graphs_of

ONES = ("dilations", "strides")
"""Attributes of window operators whose default is ones."""
ZEROS = ("pads",)
"""Attributes of window operators whose default is zeros."""
WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
"""Window operators. Their schemas do not state the defaults `ONES` and `ZEROS`, whose number depends on the dimensions."""

KERNEL_IN_WEIGHT = ("Conv", "ConvTranspose")
"""Operators that take the shape of the kernel from the weight when the attribute is missing."""


def drop_defaults(graph: Graph, opset: int) -> None:
    """Removes every attribute whose value is the operator's default, in place."""
    for node in graph.node:
        kept = [attribute for attribute in node.attribute if not _is_default(node, attribute, opset)]
        if len(kept) < len(node.attribute):
            copies = [onnx.AttributeProto.FromString(attribute.SerializeToString()) for attribute in kept]
            del node.attribute[:]
            node.attribute.extend(copies)
        for inner in graphs_of(node):
            drop_defaults(inner, opset)


def _is_default(node: Node, attribute: Any, opset: int) -> bool:
    name = attribute.name
    if node.op_type in WINDOWED and name in ONES:
        return all(value == 1 for value in attribute.ints)
    if node.op_type in WINDOWED and name in ZEROS:
        return not any(attribute.ints)
    if node.op_type in KERNEL_IN_WEIGHT and name == "kernel_shape":
        return True
    default = _defaults(node.op_type, node.domain, opset).get(name)
    return default is not None and bool(onnx.helper.get_attribute_value(attribute) == default)


@cache
def _defaults(op_type: str, domain: str, opset: int) -> dict[str, Any]:
    """The defaults of an operator's attributes, by name; attributes without a default are not in it."""
    if domain:
        return {}
    declared = onnx.defs.get_schema(op_type, opset).attributes
    return {
        name: onnx.helper.get_attribute_value(attribute.default_value)
        for name, attribute in declared.items()
        if attribute.default_value.name
    }
