"""Basic operations on ONNX graphs that the rewrites use: nodes, initialisers, inputs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Node = Any
Graph = Any

LARGEST_LOOKED_AT = 4096
"""Most elements of a tensor whose values a rewrite looks at; larger tensors are weights."""


def graphs_of(node: Node) -> list[Graph]:
    """The graphs inside a node: the branches of an `If`, the body of a `Loop`."""
    return [a.g for a in node.attribute if a.HasField("g")]


def read_by(node: Node) -> set[str]:
    """Names of the values that a node reads, including those read inside its branches."""
    names = {name for name in node.input if name}
    for inner in graphs_of(node):
        names.update(name for each in inner.node for name in read_by(each))
        names.update(output.name for output in inner.output)
    return names


def values_of(graph: Graph) -> dict[str, NDArray[Any]]:
    """Name to value of the small initialisers; weights are left out."""
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer if math.prod(t.dims) <= LARGEST_LOOKED_AT}


def set_nodes(graph: Graph, nodes: Sequence[Node]) -> None:
    """Replaces the nodes of a graph."""
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def set_initializers(graph: Graph, tensors: Sequence[Any]) -> None:
    """Replaces the initialisers of a graph; does nothing when their number stays the same."""
    kept = list(tensors)
    if len(kept) == len(graph.initializer):
        return
    copies = [onnx.TensorProto.FromString(t.SerializeToString()) for t in kept]
    del graph.initializer[:]
    graph.initializer.extend(copies)


def rename_inputs(graph: Graph, renamed: Mapping[str, str]) -> None:
    """Renames inputs of nodes, so that they read another value.

    Args:
        graph: changed in place, including the graphs inside its nodes.
        renamed: old name to new name; a new name may be renamed again.
    """
    if not renamed:
        return

    def last(name: str) -> str:
        while name in renamed:
            name = renamed[name]
        return name

    for node in graph.node:
        node.input[:] = [last(name) for name in node.input]
        for inner in graphs_of(node):
            rename_inputs(inner, renamed)
