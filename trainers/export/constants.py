"""Constants of a graph: converts them to initialisers, computes what depends on constants only, and merges equal ones."""

from __future__ import annotations

from typing import Any

from onnx import numpy_helper
from onnx.reference import ReferenceEvaluator

from trainers.export.edits import LARGEST_LOOKED_AT, Graph, rename_inputs, set_initializers, set_nodes

CONSTANT = "constant"
"""`doc_string` of initialisers that are constants of the code, not learned weights. `precision.store` removes it."""


def constants_to_initializers(graph: Graph) -> None:
    """Replaces Constant nodes by initialisers, which take a third of the bytes."""
    kept = []
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            tensor = graph.initializer.add()
            tensor.CopyFrom(node.attribute[0].t)
            tensor.name = node.output[0]
            tensor.doc_string = CONSTANT
        else:
            kept.append(node)
    set_nodes(graph, kept)


def fold_constants(model: Any) -> None:
    """Replaces nodes whose inputs are all constants by their results (torch computes a padding with a dozen nodes)."""
    graph = model.graph
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer if t.doc_string == CONSTANT}
    kept = []
    for node in graph.node:
        if not node.input or len(node.output) != 1 or any(name and name not in values for name in node.input):
            kept.append(node)
            continue
        given = {name: values[name] for name in node.input if name}
        found = ReferenceEvaluator(node).run(None, given)[0]
        if found.size > LARGEST_LOOKED_AT:
            kept.append(node)
            continue
        values[node.output[0]] = found
        tensor = numpy_helper.from_array(found, node.output[0])
        tensor.doc_string = CONSTANT
        graph.initializer.append(tensor)
    set_nodes(graph, kept)


def merge_constants(graph: Graph) -> None:
    """Merges constants of equal type, shape and value into one initialiser; learned weights are never merged."""
    first: dict[tuple[object, ...], str] = {}
    renamed: dict[str, str] = {}
    kept = []
    for tensor in graph.initializer:
        if tensor.doc_string == CONSTANT:
            value = numpy_helper.to_array(tensor)
            name = first.setdefault((tensor.data_type, tuple(tensor.dims), value.tobytes()), tensor.name)
            if name != tensor.name:
                renamed[tensor.name] = name
                continue
        kept.append(tensor)
    set_initializers(graph, kept)
    rename_inputs(graph, renamed)
