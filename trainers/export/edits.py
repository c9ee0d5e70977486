"""Small edits of a graph that every rewrite needs: its nodes, its tensors, who reads what."""

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
"""Numbers in a tensor whose values matter to a rewrite; larger ones are weights."""


def graphs_of(node: Node) -> list[Graph]:
    """Graphs inside a node: the branches of an `If`, the body of a `Loop`."""
    return [a.g for a in node.attribute if a.HasField("g")]


def read_by(node: Node) -> set[str]:
    """Names that a node reads, those inside its branches included."""
    names = {name for name in node.input if name}
    for inner in graphs_of(node):
        names.update(name for each in inner.node for name in read_by(each))
        names.update(output.name for output in inner.output)
    return names


def values_of(graph: Graph) -> dict[str, NDArray[Any]]:
    """Values of small initialisers (weights are not looked at)."""
    return {t.name: numpy_helper.to_array(t) for t in graph.initializer if math.prod(t.dims) <= LARGEST_LOOKED_AT}


def set_nodes(graph: Graph, nodes: Sequence[Node]) -> None:
    kept = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del graph.node[:]
    graph.node.extend(kept)


def set_initializers(graph: Graph, tensors: Sequence[Any]) -> None:
    kept = list(tensors)
    if len(kept) == len(graph.initializer):
        return
    copies = [onnx.TensorProto.FromString(t.SerializeToString()) for t in kept]
    del graph.initializer[:]
    graph.initializer.extend(copies)


def rename_inputs(graph: Graph, renamed: Mapping[str, str]) -> None:
    """Lets readers of a value read another instead."""
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
