"""Leaves out what a node would do anyway: attributes at their defaults are up to two thirds of a convolution's bytes."""

from __future__ import annotations

from functools import cache
from typing import Any

import onnx

from trainers.export.edits import Graph, Node, graphs_of

ONES = ("dilations", "strides")
ZEROS = ("pads",)
WINDOWED = ("Conv", "ConvTranspose", "MaxPool", "AveragePool")
"""Operators whose window attributes default to ones and zeros, whatever their number; the schema can't say so."""

KERNEL_IN_WEIGHT = ("Conv", "ConvTranspose")
"""Operators that take the kernel's shape from the weight when it is not said."""


def drop_defaults(graph: Graph, opset: int) -> None:
    """Removes every attribute that says what its operator does without it, in place."""
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
    """Attribute to its default, for those that have one."""
    if domain:
        return {}
    declared = onnx.defs.get_schema(op_type, opset).attributes
    return {
        name: onnx.helper.get_attribute_value(attribute.default_value)
        for name, attribute in declared.items()
        if attribute.default_value.name
    }
